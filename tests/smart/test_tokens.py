"""The token endpoint: codes and refresh tokens count once, for their client, and no longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from fhirserver.identity import sessions
from fhirserver.smart import tokens
from fhirserver.store.database import now_us
from tests.smart.browser import FORM, App, Browser, Told
from tests.smart.conftest import SECRET, Hospital
from tests.smart.flows import granted

LASTING = "launch/patient offline_access patient/Observation.rs"
TOKEN = "/oauth/token"


def code_of(hospital: Hospital, app: App) -> str:
    """Get a code."""
    seen = hospital.browser(hospital.patient).open(app.address())
    return seen.answer["code"]


def lasting(hospital: Hospital, name: str = "approved", scope: str = LASTING) -> tuple[App, Any]:
    """Get tokens with a refresh token."""
    app = hospital.app(name, scope)
    told = granted(app, hospital.browser(hospital.patient))
    assert told.status == 200, told.body
    return app, told.json


def reads(hospital: Hospital, token: str) -> int:
    """Ask for what the token is good for."""
    with hospital.secured.caller(token) as caller:
        return caller.get("Observation/of-hers").status


def test_what_a_token_response_holds(hospital: Hospital) -> None:
    """SEC-T1, SEC-L2."""
    app = hospital.app("approved", LASTING)
    told = app.redeem(code_of(hospital, app))
    body = told.json
    assert told.status == 200
    assert told.headers["content-type"] == "application/json"
    assert told.headers["cache-control"] == "no-store"
    assert told.headers["pragma"] == "no-cache"
    assert body["token_type"] == "Bearer"
    assert isinstance(body["expires_in"], int)
    assert 0 < body["expires_in"] <= 3600
    assert set(body["scope"].split()) == set(LASTING.split())
    assert body["patient"] == "hers"
    assert body["need_patient_banner"] is True
    assert len(body["access_token"]) >= 43  # 256 bits
    assert reads(hospital, body["access_token"]) == 200


@pytest.mark.parametrize(
    ("scope", "lasts"),
    [
        pytest.param("launch/patient patient/Observation.rs", False, id="SEC-T1-neither"),
        pytest.param("launch/patient patient/Observation.rs online_access", True, id="online"),
        pytest.param(LASTING, True, id="offline"),
    ],
)
def test_a_refresh_token_takes_a_scope(hospital: Hospital, scope: str, lasts: bool) -> None:
    _, body = lasting(hospital, scope=scope)
    assert ("refresh_token" in body) == lasts


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        pytest.param({"code": None}, 400, "invalid_request", id="SEC-T2-no-code"),
        pytest.param({"code": "x" * 43}, 400, "invalid_grant", id="SEC-T2-unknown-code"),
        pytest.param({"grant_type": None}, 400, "invalid_request", id="SEC-T2-no-grant-type"),
        pytest.param(
            {"grant_type": "password"}, 400, "unsupported_grant_type", id="SEC-T2-grant-type"
        ),
        pytest.param({"client_id": None}, 400, "invalid_request", id="SEC-T2-no-client"),
        pytest.param({"client_id": "nobody"}, 401, "invalid_client", id="SEC-T2-unknown-client"),
        pytest.param({"client_id": "\0"}, 400, "invalid_request", id="SEC-T2-nul"),
        pytest.param({"client_id": "another"}, 400, "invalid_grant", id="SEC-A6-other-client"),
        pytest.param({"client_id": "confidential"}, 401, "invalid_client", id="SEC-T2-no-proof"),
        pytest.param({"redirect_uri": None}, 400, "invalid_grant", id="SEC-A6-no-redirect-uri"),
        pytest.param(
            {"redirect_uri": "https://app.example.org/"}, 400, "invalid_grant", id="SEC-A6-other"
        ),
        pytest.param({"code_verifier": None}, 400, "invalid_grant", id="SEC-A5-no-verifier"),
        pytest.param({"code_verifier": ""}, 400, "invalid_grant", id="SEC-A5-blank-verifier"),
        pytest.param({"code_verifier": "w" * 50}, 400, "invalid_grant", id="SEC-A5-wrong-verifier"),
        pytest.param({"code_verifier": "v" * 50 + "\n"}, 400, "invalid_grant", id="SEC-A5-longer"),
        pytest.param(
            {"code_verifier": "{challenge}"}, 400, "invalid_grant", id="SEC-A5-the-challenge"
        ),
    ],
)
def test_what_gets_no_tokens(
    hospital: Hospital, changes: dict[str, str | None], status: int, error: str
) -> None:
    app = hospital.app("approved", LASTING)
    challenge = app.parameters()["code_challenge"]
    filled = {
        name: value and value.replace("{challenge}", challenge) for name, value in changes.items()
    }
    told = app.redeem(code_of(hospital, app), **filled)
    assert (told.status, told.json["error"]) == (status, error)
    assert told.headers["cache-control"] == "no-store"
    assert told.json["error_description"]


@pytest.mark.parametrize(
    ("secret", "fields", "authorization", "status"),
    [
        pytest.param(SECRET, {}, None, 200, id="basic"),
        pytest.param(
            "", {"client_id": "confidential", "client_secret": SECRET}, None, 200, id="post"
        ),
        pytest.param("wrong", {}, None, 401, id="SEC-T2-wrong-basic"),
        pytest.param(
            "", {"client_id": "confidential", "client_secret": "wrong"}, None, 401, id="wrong-post"
        ),
        pytest.param(SECRET, {"client_secret": SECRET}, None, 400, id="SEC-T2-two-ways"),
        pytest.param(SECRET, {"client_id": "approved"}, None, 401, id="SEC-A9-swapped-client"),
        pytest.param("", {}, "Basic !!!", 401, id="no-base64"),
        pytest.param("", {}, "Basic /////w==", 401, id="no-utf-8"),
        pytest.param("", {"client_id": "approved", "client_secret": "x"}, None, 401, id="public"),
    ],
)
def test_how_a_client_proves_itself(
    hospital: Hospital,
    secret: str,
    fields: dict[str, str],
    authorization: str | None,
    status: int,
) -> None:
    """SEC-T2: 401 asks for Basic where Basic was tried."""
    known = hospital.app("confidential", LASTING)
    browser = hospital.browser(hospital.patient)
    seen = browser.open(known.address())
    if seen.address.endswith("/consent"):
        seen = browser.answer(
            seen, ("scope", "patient/Observation.rs"), ("refreshing", "on"), ("decision", "allow")
        )
    app = App(hospital.secured, "confidential", known.redirect_uri, LASTING, secret)
    asked = {
        "grant_type": "authorization_code",
        "code": seen.answer["code"],
        "redirect_uri": app.redirect_uri,
        "code_verifier": app.verifier,
        **fields,
    }
    headers = {} if authorization is None else {"authorization": authorization}
    told = app.call(TOKEN, asked, **headers)
    assert told.status == status, told.body
    if status == 401 and (secret or authorization):
        assert told.headers["www-authenticate"].startswith("Basic ")
    assert b"wrong" not in told.body


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("application/json", b'{"grant_type": "authorization_code"}', id="SEC-T1-json"),
        pytest.param(FORM, b"grant_type=a&grant_type=b", id="SEC-A2-twice"),
        pytest.param(FORM, b"grant_type=%ff", id="no-utf-8"),
        pytest.param(FORM, b"a=" + b"x" * 70_000, id="too-large"),
    ],
)
def test_what_is_no_form(hospital: Hospital, content_type: str, body: bytes) -> None:
    with hospital.secured.caller() as caller:
        answer = caller.request("POST", TOKEN, body, content_type=content_type)
    assert answer.status == 400
    assert answer.json["error"] == "invalid_request"


def test_one_of_many_gets_the_tokens_of_a_code(hospital: Hospital) -> None:
    """SEC-A6: whoever comes later ends what the first one got, for one of them stole the code."""
    app = hospital.app("approved", LASTING)
    code = code_of(hospital, app)
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(lambda _: app.redeem(code), range(4)))
    assert sorted(each.status for each in told) == [200, 400, 400, 400]


def test_a_code_that_comes_again_ends_what_it_gave(hospital: Hospital) -> None:
    """SEC-A6."""
    app = hospital.app("approved", LASTING)
    code = code_of(hospital, app)
    body = app.redeem(code).json
    assert reads(hospital, body["access_token"]) == 200
    assert app.redeem(code).json["error"] == "invalid_grant"
    assert reads(hospital, body["access_token"]) == 401
    assert app.refresh(body["refresh_token"]).status == 400


def test_a_code_lasts_a_minute(hospital: Hospital) -> None:
    """SEC-A6."""
    app = hospital.app("approved", LASTING)
    code = code_of(hospital, app)
    change(hospital, "UPDATE oauth_code SET expires = expires - 60000000 WHERE digest = %s", code)
    assert app.redeem(code).json["error"] == "invalid_grant"


def test_a_refresh_gives_the_context_again(hospital: Hospital) -> None:
    """SEC-R1."""
    app, first = lasting(hospital)
    told = app.refresh(first["refresh_token"])
    assert told.status == 200
    assert told.headers["cache-control"] == "no-store"
    assert told.json["patient"] == "hers"
    assert told.json["scope"] == first["scope"]
    assert told.json["refresh_token"] != first["refresh_token"]
    assert reads(hospital, told.json["access_token"]) == 200


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        pytest.param({}, 200, None, id="SEC-R1-all"),
        pytest.param({"client_id": None}, 200, None, id="SEC-R2-public-client-without-id"),
        pytest.param({"scope": "patient/Observation.r"}, 200, None, id="SEC-R1-narrower"),
        pytest.param({"scope": "patient/Observation.r __x"}, 200, None, id="SEC-S4-unknown"),
        pytest.param({"scope": "patient/*.rs"}, 400, "invalid_scope", id="SEC-R1-wider"),
        pytest.param(
            {"scope": "patient/Observation.rs openid"}, 400, "invalid_scope", id="SEC-R1-identity"
        ),
        pytest.param({"scope": "__x"}, 400, "invalid_scope", id="SEC-R1-nothing"),
        pytest.param({"client_id": "another"}, 400, "invalid_grant", id="SEC-R1-other-client"),
        pytest.param({"refresh_token": "x" * 43}, 400, "invalid_grant", id="SEC-R1-unknown"),
        pytest.param({"refresh_token": "{access}"}, 400, "invalid_grant", id="SEC-R1-access-token"),
        pytest.param({"refresh_token": None}, 400, "invalid_request", id="SEC-R1-none"),
    ],
)
def test_refreshing(
    hospital: Hospital, changes: dict[str, str | None], status: int, error: str | None
) -> None:
    app, first = lasting(hospital)
    filled = {
        name: value and value.replace("{access}", first["access_token"])
        for name, value in changes.items()
    }
    told = app.refresh(first["refresh_token"], **filled)
    assert (told.status, told.json.get("error")) == (status, error), told.body
    if "scope" in changes and status == 200:
        assert told.json["scope"] == "patient/Observation.r"
        wider = app.refresh(told.json["refresh_token"])
        assert wider.json["scope"] == first["scope"]  # the grant itself stays as it was


def test_a_confidential_client_has_to_prove_itself_to_refresh(hospital: Hospital) -> None:
    """SEC-R1."""
    app, first = lasting(hospital, "confidential")
    bare = App(hospital.secured, "confidential", app.redirect_uri, app.scope)
    for client_id in (None, "confidential"):
        told = bare.refresh(first["refresh_token"], client_id=client_id)
        assert (told.status, told.json["error"]) == (401, "invalid_client")
    assert app.refresh(first["refresh_token"]).status == 200


def test_whose_answer_was_lost_gets_the_same_successor(hospital: Hospital) -> None:
    """SEC-R3: within seconds, and as long as the successor has not been used."""
    app, first = lasting(hospital)
    again = [app.refresh(first["refresh_token"]) for _ in range(3)]
    assert [each.status for each in again] == [200, 200, 200]
    assert len({each.json["refresh_token"] for each in again}) == 1


def test_two_refreshes_at_once(hospital: Hospital) -> None:
    """SEC-R3: a page in two tabs."""
    app, first = lasting(hospital)
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(lambda _: app.refresh(first["refresh_token"]), range(4)))
    assert {each.status for each in told} == {200}
    assert len({each.json["refresh_token"] for each in told}) == 1


@pytest.mark.parametrize("after", ["the-grace", "its-successor"])
def test_a_refresh_token_that_comes_too_late_ends_all(hospital: Hospital, after: str) -> None:
    """SEC-R3."""
    app, first = lasting(hospital)
    second = app.refresh(first["refresh_token"]).json
    last = second
    if after == "its-successor":
        last = app.refresh(second["refresh_token"]).json
    else:
        sql = "UPDATE oauth_token SET rotated = rotated - 11000000 WHERE digest = %s"
        change(hospital, sql, first["refresh_token"])
    assert app.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert reads(hospital, last["access_token"]) == 401
    assert app.refresh(last["refresh_token"]).json["error"] == "invalid_grant"


def test_how_long_a_refresh_token_lasts(hospital: Hospital) -> None:
    """SEC-R4: three months at least, counted from its last use."""
    app, first = lasting(hospital)
    token = app.refresh(first["refresh_token"]).json["refresh_token"]
    with hospital.secured.database.connection() as connection:
        kept = tokens.find(connection, token, now_us())
    assert kept is not None
    assert kept.expires - now_us() > 90 * 86_400 * 1_000_000
    sql = "UPDATE oauth_token SET expires = issued WHERE digest = %s"
    change(hospital, sql, token)
    assert app.refresh(token).json["error"] == "invalid_grant"


@pytest.mark.parametrize("how", ["/logout", "/account/sessions/end", "/account/sessions/{}/end"])
def test_online_access_ends_with_the_session(hospital: Hospital, how: str) -> None:
    """SEC-R4: and the access token, whether its owner logs out there or from elsewhere."""
    app = hospital.app("approved", "launch/patient patient/Observation.rs online_access")
    browser = hospital.browser(hospital.patient)
    again = app.refresh(granted(app, browser).json["refresh_token"]).json
    with hospital.secured.caller(again["access_token"]) as caller:
        assert caller.get("Observation/of-hers").status == 200
        ending = browser if how == "/logout" else hospital.browser(hospital.patient)
        page = ending.open("/logout")
        ending.post(how.format(session_of(hospital, browser)), {"csrf": page.values("csrf")[0]})
        assert caller.get("Observation/of-hers").status == 401
    assert app.refresh(again["refresh_token"]).json["error"] == "invalid_grant"


def session_of(hospital: Hospital, browser: Browser) -> str:
    """Give the public number of a browser's session."""
    with hospital.secured.database.connection() as connection:
        row = connection.execute(
            "SELECT id FROM account_session WHERE secret = %s", (sessions.digest(browser.session),)
        ).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("UPDATE oauth_client SET disabled = %s WHERE id = 'spa'", id="SEC-B6-client"),
        pytest.param("UPDATE account SET disabled = %s WHERE role = 'proxy'", id="SEC-E26-account"),
    ],
)
def test_who_is_shut_out_gets_nothing_more(hospital: Hospital, sql: str) -> None:
    app = hospital.app("spa", LASTING)
    body = granted(app, hospital.browser(hospital.proxy), ("patient", "hers")).json
    assert reads(hospital, body["access_token"]) == 200
    with hospital.secured.database.connection() as connection:
        try:
            connection.execute(sql.encode(), (True,))
            assert reads(hospital, body["access_token"]) == 401
            assert app.refresh(body["refresh_token"]).status in (400, 401)
        finally:
            connection.execute(sql.encode(), (False,))


def test_nothing_that_is_kept_can_be_used(hospital: Hospital) -> None:
    """SEC-T3: no secret is in the database."""
    app, body = lasting(hospital)
    code = code_of(hospital, app)
    with psycopg.connect(hospital.secured.database.url) as connection:
        for table in ("oauth_token", "oauth_grant", "oauth_code", "oauth_client"):
            rows = connection.execute(f"SELECT t::text FROM {table} t".encode()).fetchall()
            text = "\n".join(row[0] for row in rows)
            for secret in (body["access_token"], body["refresh_token"], code, SECRET):
                assert secret not in text
                assert secret.encode().hex() not in text


def test_no_secret_is_in_the_log(hospital: Hospital) -> None:
    """SEC-X6."""
    app, body = lasting(hospital)
    code = code_of(hospital, app)
    app.redeem(code, code_verifier="w" * 50)
    app.refresh(body["refresh_token"])
    reads(hospital, body["access_token"])
    log = hospital.secured.server.log.read_text("utf-8")
    assert '"event"' in log
    for secret in (body["access_token"], body["refresh_token"], code, SECRET, "Otherwise", "hers"):
        assert secret not in log


@pytest.mark.parametrize(
    ("kind", "alive"),
    [
        pytest.param("access_token", "refresh_token", id="SEC-I2-access"),
        pytest.param("refresh_token", None, id="SEC-I2-refresh-ends-access"),
        pytest.param("unknown", "access_token", id="SEC-I2-unknown"),
    ],
)
@pytest.mark.parametrize("client", ["approved", "confidential"])
def test_revocation(hospital: Hospital, kind: str, alive: str | None, client: str) -> None:
    app, body = lasting(hospital, client)
    told = revoke(app, body.get(kind, "x" * 43))
    assert told.status == 200
    assert reads(hospital, body["access_token"]) == (200 if kind == "unknown" else 401)
    if kind != "unknown":
        assert app.refresh(body["refresh_token"]).status == (200 if alive else 400)


def test_nobody_revokes_what_is_anothers(hospital: Hospital) -> None:
    """SEC-I2."""
    _, body = lasting(hospital)
    other = hospital.app("another", LASTING)
    assert revoke(other, body["access_token"]).status == 200
    assert reads(hospital, body["access_token"]) == 200


def revoke(app: App, token: str) -> Told:
    """Give up a token."""
    return app.call(
        "/oauth/revoke", {"token": token, "client_id": None if app.secret else app.client_id}
    )


def change(hospital: Hospital, sql: str, secret: str) -> None:
    """Change the row of a code or token."""
    with hospital.secured.database.connection() as connection:
        assert connection.execute(sql.encode(), (tokens.digest(secret),)).rowcount == 1
