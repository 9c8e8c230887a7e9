"""Log-ins against an authorization server that checks everything, and against one that lies."""

import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest

from fhirserver_conformance.login.client_file import read_client
from fhirserver_conformance.login.discovery import _endpoint, discover
from fhirserver_conformance.login.login_error import LoginError
from fhirserver_conformance.login.smart import smart_login
from fhirserver_conformance.login.standalone import authorization_code_grant
from fhirserver_conformance.transport import Transport
from tests.conformance.login import keys
from tests.conformance.login.authorization_server import Answer, AuthorizationServer

SECRET = "a secret: 100 % ü"
CONFIGURATION = "/fhir/.well-known/smart-configuration"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def authority(clock: Clock) -> Iterator[AuthorizationServer]:
    with AuthorizationServer(clock) as running:
        running.keys = {kind: keys.key(kind) for kind in ("RSA", "P-384")}
        running.secrets = {"confidential": SECRET}
        yield running


@pytest.fixture(scope="module")
def transport() -> Iterator[Transport]:
    opened = Transport(timeout_s=60)
    yield opened
    opened.close()


@pytest.fixture
def redirect_uri() -> str:
    """An address of this machine whose port is free."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return f"http://127.0.0.1:{found.getsockname()[1]}/back"


Login = Callable[..., Callable[[], str | None]]


@pytest.fixture
def login(
    authority: AuthorizationServer, clock: Clock, transport: Transport, tmp_path: Path
) -> Login:
    """Log in as a client whose fields are given; a browser follows what the user is told."""

    def logged_in(
        key: str | None = None, browse: Callable[[str], None] = browser, **fields: str
    ) -> Callable[[], str | None]:
        client = dict(fields)
        if key is not None:
            (tmp_path / "key").write_bytes(keys.pem(key))
            client |= {"private_key_file": "key", "key_id": "key-1", "client_id": key}
        file = tmp_path / "client.json"
        file.write_text(json.dumps(client))
        return smart_login(file, authority.base, transport=transport, say=told(browse), clock=clock)

    return logged_in


BACKEND = {"flow": "backend-services", "scope": "system/*.rs"}


def told(browse: Callable[[str], None]) -> Callable[[str], None]:
    """Open the address that a user is told to open, as a browser beside this thread would."""

    def say(text: str) -> None:
        threading.Thread(target=browse, args=(text.splitlines()[-1],)).start()

    return say


def browser(address: str) -> int:
    """Open an address and follow where it leads; give the last status."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def launch(client_id: str, redirect_uri: str, **more: str) -> dict[str, str]:
    return {
        "flow": "standalone-launch",
        "client_id": client_id,
        "scope": "launch/patient patient/*.rs offline_access",
        "redirect_uri": redirect_uri,
        **more,
    }


@pytest.mark.parametrize("kind", ["RSA", "P-384"])
def test_backend_services(kind: str, login: Login, authority: AuthorizationServer) -> None:
    """The server has checked signature, kid, iss, sub, aud, exp and jti."""
    authorization = login(kind, **BACKEND)
    assert authorization() == "Bearer token-0"
    assert authority.refused == []
    assert authority.forms[0].keys() == {
        *("grant_type", "scope", "client_assertion_type", "client_assertion")
    }


@pytest.mark.parametrize(
    ("lifetime_s", "still_good_s", "renewed_s"),
    [
        pytest.param(300, 269, 270, id="half a minute before its end"),
        pytest.param(20, 9, 10, id="after half of a short time"),
    ],
)
def test_tokens_are_renewed_before_they_expire(
    lifetime_s: int,
    still_good_s: float,
    renewed_s: float,
    login: Login,
    authority: AuthorizationServer,
    clock: Clock,
) -> None:
    authority.lifetime_s = lifetime_s
    authorization = login("RSA", **BACKEND)
    clock.now += still_good_s
    assert authorization() == "Bearer token-0"
    clock.now += renewed_s - still_good_s
    assert authorization() == "Bearer token-1"
    assert authority.refused == [], "no assertion came twice"


def test_threads_share_a_renewal(
    login: Login, authority: AuthorizationServer, clock: Clock
) -> None:
    authorization = login("P-384", **BACKEND)
    clock.now += 300
    with ThreadPoolExecutor(8) as threads:
        given = {*threads.map(lambda _: authorization(), range(32))}
    assert given == {"Bearer token-1"}
    assert authority.tokens == ["token-0", "token-1"]


@pytest.mark.parametrize(
    ("client_id", "credential"),
    [
        pytest.param("public", {}, id="public"),
        pytest.param("confidential", {"client_secret": SECRET}, id="with a secret"),
        pytest.param("RSA", {"key": "RSA"}, id="with a key"),
    ],
)
def test_a_user_logs_in(
    client_id: str,
    credential: dict[str, str],
    login: Login,
    authority: AuthorizationServer,
    clock: Clock,
    redirect_uri: str,
) -> None:
    """The server has checked aud, state, PKCE and the client; refresh tokens are used once."""
    authorization = login(**launch(client_id, redirect_uri, **credential))
    assert authorization() == "Bearer token-0"
    for number in (1, 2):
        clock.now += 300
        assert authorization() == f"Bearer token-{number}"
    assert authority.refused == []
    assert [form["grant_type"] for form in authority.forms] == [
        *("authorization_code", "refresh_token", "refresh_token")
    ]


def test_a_session_without_a_refresh_token_ends(
    login: Login, authority: AuthorizationServer, clock: Clock, redirect_uri: str
) -> None:
    """It is good to its last second."""
    authority.refresh = False
    authorization = login(**launch("public", redirect_uri))
    clock.now += 299
    assert authorization() == "Bearer token-0"
    clock.now += 1
    with pytest.raises(LoginError, match="add online_access or offline_access"):
        authorization()


def test_answers_that_are_none_are_refused_and_the_wait_goes_on(
    login: Login, authority: AuthorizationServer, redirect_uri: str
) -> None:
    """Another state, none, one too many, another path: the answer comes afterwards."""
    statuses = []

    def browse(address: str) -> None:
        parts = urlsplit(address)
        state = next(each for each in parts.query.split("&") if each.startswith("state="))
        twice = f"{state}&code=a&code=b"
        queries = ("code=a&state=guessed", "code=a", f"{state}&{state}", twice)
        statuses.extend(browser(f"{redirect_uri}?{query}") for query in queries)
        statuses.append(browser(urlunsplit(urlsplit(redirect_uri)._replace(path="/other"))))
        statuses.append(browser(address))

    assert login(browse=browse, **launch("public", redirect_uri))() == "Bearer token-0"
    assert statuses[:5] == [400, 400, 400, 400, 404]


@pytest.mark.parametrize(
    ("told_by_user", "issuer", "message"),
    [
        pytest.param("access_denied", "", "access_denied: The user said no.", id="refused"),
        pytest.param("", "http://evil.example", "from another issuer", id="mixed up"),
    ],
)
def test_a_user_who_does_not_get_in(
    told_by_user: str,
    issuer: str,
    message: str,
    login: Login,
    authority: AuthorizationServer,
    redirect_uri: str,
) -> None:
    authority.user_says, authority.issuer = told_by_user, issuer
    with pytest.raises(LoginError, match=message):
        login(**launch("public", redirect_uri))


def test_nobody_logs_in(
    authority: AuthorizationServer, transport: Transport, redirect_uri: str, tmp_path: Path
) -> None:
    file = tmp_path / "client.json"
    file.write_text(json.dumps(launch("public", redirect_uri)))
    client = read_client(file)
    endpoints = discover(authority.base, client, transport)
    with pytest.raises(LoginError, match="nobody has logged in"):
        authorization_code_grant(client, endpoints, authority.base, lambda _: None, wait_s=0.05)


def test_a_port_that_is_taken(login: Login) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://127.0.0.1:{taken.getsockname()[1]}/"
        with pytest.raises(LoginError, match=r"redirect_uri .*: Address already in use"):
            login(**launch("public", address))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        pytest.param({"scope": "system/*.cruds"}, "invalid_scope: not that scope", id="scope"),
        pytest.param({"key_id": "other"}, "invalid_client: unknown kid", id="kid"),
        pytest.param({"client_id": "nobody"}, "invalid_client: no such client", id="client"),
        pytest.param({"client_id": "P-384"}, "invalid_client: signature", id="another's key"),
    ],
)
def test_what_the_server_refuses_it_explains(
    fields: dict[str, str], message: str, authority: AuthorizationServer, transport: Transport,
    clock: Clock, tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "key").write_bytes(keys.pem("RSA"))
    client = {"client_id": "RSA", "private_key_file": "key", "key_id": "key-1", **BACKEND, **fields}
    file = tmp_path / "client.json"
    file.write_text(json.dumps(client))
    with pytest.raises(LoginError, match=message):
        smart_login(file, authority.base, transport=transport, say=print, clock=clock)


def stated(**changes: object) -> Answer:
    """Make a SMART configuration; None takes a field away."""
    fields = {"token_endpoint": "http://127.0.0.1:1/token"} | changes
    return Answer(json.dumps({name: fields[name] for name in fields if fields[name]}).encode())


def granted(**changes: object) -> Answer:
    """Make a token answer likewise."""
    fields = {"access_token": "a", "token_type": "Bearer", "expires_in": 300} | changes
    return Answer(json.dumps(fields).encode())


METHODS = "token_endpoint_auth_methods_supported"
ALGORITHMS = "token_endpoint_auth_signing_alg_values_supported"


@pytest.mark.parametrize(
    ("path", "lie", "message"),
    [
        pytest.param(CONFIGURATION, Answer(b"", 404), "answered 404", id="no SMART"),
        pytest.param(CONFIGURATION, Answer(b"<html>"), "smart-configuration", id="a page"),
        pytest.param(CONFIGURATION, Answer(b"[]"), "holds no JSON object", id="a list"),
        pytest.param(
            CONFIGURATION, stated(token_endpoint=None), "token_endpoint is no", id="no endpoint"
        ),
        pytest.param(
            CONFIGURATION, stated(token_endpoint="/token"), "token_endpoint is no", id="relative"
        ),
        pytest.param(
            CONFIGURATION, stated(token_endpoint="file:///x"), "token_endpoint is no", id="a file"
        ),
        pytest.param(
            CONFIGURATION, stated(token_endpoint="http://[x"), "token_endpoint is no", id="no URL"
        ),
        pytest.param(
            CONFIGURATION, stated(**{METHODS: ["client_secret_post"]}), "lacks private_key_jwt",
            id="no keys",
        ),
        pytest.param(CONFIGURATION, stated(**{ALGORITHMS: ["RS256"]}), "lacks RS384", id="RS256"),
        pytest.param(CONFIGURATION, stated(), "127.0.0.1:1/token", id="nobody answers"),
        pytest.param("/token", Answer(b"", 302, (("Location", "/t"),)), "answered 302", id="moved"),
        pytest.param("/token", Answer(b"oops", 500), "answered 500", id="no OAuth error"),
        pytest.param("/token", Answer(b"oops"), "no JSON object", id="no JSON"),
        pytest.param("/token", granted(access_token=None), "no access_token", id="no token"),
        pytest.param("/token", granted(access_token="a\r\nX: y"), "no access_token", id="a header"),
        pytest.param("/token", granted(token_type="mac"), "not Bearer", id="another type"),
        pytest.param("/token", granted(expires_in="soon"), "is no number", id="no time"),
        pytest.param("/token", granted(expires_in=0), "no token to use", id="expired at once"),
    ],
)  # fmt: skip
def test_a_server_that_lies(
    path: str, lie: Answer, message: str, login: Login, authority: AuthorizationServer
) -> None:
    authority.lies[path] = lie
    with pytest.raises(LoginError) as error:
        login("RSA", **BACKEND)
    assert message in str(error.value)


def test_secrets_never_leave_https_for_http(authority: AuthorizationServer) -> None:
    """A server that is asked over HTTPS cannot send the client to an endpoint without it."""
    stated = authority.configuration()
    address = stated["token_endpoint"]
    assert _endpoint("x", stated, "token_endpoint", "http://fhir.example") == address
    with pytest.raises(LoginError, match="token_endpoint is no absolute https address"):
        _endpoint("x", stated, "token_endpoint", "https://fhir.example")
