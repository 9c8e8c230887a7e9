"""What proves that a client is itself, and everything that does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from fhirserver.smart import client_assertion, clients
from fhirserver.smart.client_assertion import AssertionRefusedError, authenticate
from fhirserver.smart.clients import Client
from fhirserver.smart.jwks_fetch import KeySets
from fhirserver.store.database import Database
from tests.smart.assertions import assertion, forged, key, key_set, public_pem, replaced

TOKEN_URL = "https://fhir.example.org/oauth/token"
NOW_S = 1_800_000_000
KEYS = ("rsa-1", "ec-1", "rsa-weak", "ec-256", "rsa-twice", "rsa-twice")
JWKS_URI = "https://client.example.org/jwks.json"

CLIENTS = (
    Client("by-key", "A", "confidential-asymmetric", jwks=key_set(*KEYS)),
    Client("by-url", "B", "confidential-asymmetric", jwks_uri=JWKS_URI),
    Client("disabled", "C", "confidential-asymmetric", jwks=key_set(*KEYS), disabled=True),
    Client("waiting", "D", "confidential-asymmetric", jwks=key_set(*KEYS), approved=False),
    Client("by-secret", "E", "confidential-symmetric"),
    Client("other", "F", "confidential-asymmetric", jwks=key_set("rsa-other")),
)


@pytest.fixture(scope="module", autouse=True)
def _registered(database: Database) -> None:
    with database.connection() as connection:
        for client in CLIENTS:
            clients.add(connection, client)


def prove(database: Database, sent: str, now_s: float = NOW_S) -> Client:
    return authenticate(database, KeySets(), sent, TOKEN_URL, int(now_s * 1_000_000))


def made(client: str = "by-key", **changes: Any) -> str:
    return assertion(client, TOKEN_URL, NOW_S, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"name": "rsa-1"}, id="SEC-B1-RS384"),
        pytest.param({"name": "ec-1"}, id="SEC-B1-ES384"),
        pytest.param({"claims": {"exp": NOW_S + 330}}, id="SEC-B1-exp-five-minutes-and-the-skew"),
        pytest.param({"claims": {"exp": NOW_S - 29}}, id="SEC-B1-exp-past-within-the-skew"),
        pytest.param({"claims": {"iat": NOW_S, "nbf": NOW_S}}, id="SEC-B1-iat-and-nbf"),
        pytest.param({"claims": {"aud": [TOKEN_URL]}}, id="SEC-B1-aud-as-a-list-of-one"),
    ],
)
def test_what_proves_a_client(database: Database, changes: dict[str, Any]) -> None:
    assert prove(database, made(**changes)).id == "by-key"


def swapped() -> str:
    """The claims of one assertion under the signature of another."""
    header, _, signature = made().split(".")
    return ".".join((header, made(claims={"jti": "another"}).split(".")[1], signature))


def of_another_curve() -> str:
    """ES384 by its header, and a key of the curve P-256, which is registered, by its kid."""
    sent = replaced(made(name="ec-1"), {"kid": "ec-256"})
    return sent.rpartition(".")[0] + "." + "A" * 128


REFUSED: list[tuple[str, Callable[[], str], str]] = [
    ("SEC-B1-alg-missing", lambda: replaced(made(), {"alg": None}), "no JWT"),
    ("SEC-27-alg-none", lambda: replaced(made(), {"alg": "none"}), "alg"),
    ("SEC-27-alg-RS256", lambda: made(header={"alg": "RS256"}), "alg"),
    ("SEC-27-HS256-with-the-public-key", lambda: forged(made(), public_pem("rsa-1")), "alg"),
    ("SEC-27-HS256-with-no-key", lambda: forged(made(), b""), "alg"),
    ("SEC-B1-typ-missing", lambda: made(header={"typ": None}), "typ"),
    ("SEC-B1-typ-other", lambda: made(header={"typ": "at+jwt"}), "typ"),
    ("SEC-B1-kid-missing", lambda: made(header={"kid": None}), "kid"),
    ("SEC-B1-kid-no-text", lambda: replaced(made(), {"kid": 7}), "kid"),
    ("SEC-B1-kid-unknown", lambda: made(header={"kid": "rsa-2"}), "0 keys"),
    ("SEC-B1-kid-twice", lambda: made(name="rsa-twice"), "2 keys"),
    ("SEC-B1-kid-of-another-kty", lambda: made(header={"kid": "ec-1"}), "0 keys"),
    ("SEC-B1-key-too-weak", lambda: made(name="rsa-weak"), "not one that verifies"),
    ("SEC-B1-other-curve", of_another_curve, "not one that verifies"),
    ("SEC-B1-crit", lambda: replaced(made(), {"crit": ["exp"]}), "crit"),
    ("SEC-B1-iss-missing", lambda: made(claims={"iss": None}), "iss"),
    ("SEC-B1-iss-unknown", lambda: made("nobody"), "does not prove"),
    ("SEC-B1-iss-with-nul", lambda: made("by\0key"), "iss"),
    ("SEC-B1-iss-of-another-client", lambda: made("other"), "0 keys"),
    ("SEC-B1-sub-missing", lambda: made(claims={"sub": None}), "sub"),
    ("SEC-B1-sub-other", lambda: made(claims={"sub": "other"}), "sub"),
    ("SEC-B1-aud-missing", lambda: made(claims={"aud": None}), "aud"),
    ("SEC-28-aud-other", lambda: made(claims={"aud": "https://evil.example.org/token"}), "aud"),
    ("SEC-28-aud-the-base", lambda: made(claims={"aud": "https://fhir.example.org/fhir"}), "aud"),
    ("SEC-28-aud-with-slash", lambda: made(claims={"aud": TOKEN_URL + "/"}), "aud"),
    ("SEC-28-aud-one-of-two", lambda: made(claims={"aud": [TOKEN_URL, "https://x.org"]}), "aud"),
    ("SEC-B1-exp-missing", lambda: made(claims={"exp": None}), "exp"),
    ("SEC-B1-exp-text", lambda: made(claims={"exp": str(NOW_S + 60)}), "exp"),
    ("SEC-B1-exp-past", lambda: made(claims={"exp": NOW_S - 30}), "exp"),
    ("SEC-B1-exp-an-hour-ahead", lambda: made(claims={"exp": NOW_S + 3600}), "exp"),
    ("SEC-B1-nbf-ahead", lambda: made(claims={"nbf": NOW_S + 60}), "nbf"),
    ("SEC-B1-iat-no-number", lambda: made(claims={"iat": "now"}), "iat"),
    ("SEC-B1-jti-missing", lambda: made(claims={"jti": None}), "jti"),
    ("SEC-B1-jti-empty", lambda: made(claims={"jti": ""}), "jti"),
    ("SEC-B1-signed-by-another-key", lambda: made(signs=key("rsa-other")), "signature"),
    ("SEC-B1-claims-changed", swapped, "signature"),
    ("SEC-B1-no-JWT", lambda: "a.b", "no JWT"),
    ("SEC-B1-too-long", lambda: made(claims={"more": "x" * 9000}), "characters"),
    ("SEC-B2-jku-not-registered", lambda: made(header={"jku": JWKS_URI}), "jku is not"),
    ("SEC-B2-jku-other", lambda: made("by-url", header={"jku": JWKS_URI + "?"}), "jku is not"),
    ("SEC-B6-disabled", lambda: made("disabled"), "shut out"),
    ("SEC-G1-not-approved", lambda: made("waiting"), "not approved"),
    ("SEC-B1-client-without-keys", lambda: made("by-secret"), "no keys"),
]


@pytest.mark.parametrize(
    ("sent", "says"), [pytest.param(sent, says, id=rule) for rule, sent, says in REFUSED]
)
def test_what_proves_nothing(
    database: Database, caplog: pytest.LogCaptureFixture, sent: Callable[[], str], says: str
) -> None:
    """Who is no client learns no more than that; the log says more."""
    with pytest.raises(AssertionRefusedError) as refused:
        prove(database, sent())
    told = str(refused.value)
    assert says in (caplog.messages or [told])[0]
    assert not caplog.messages or told.startswith("the assertion does not prove")


def test_an_assertion_counts_once(database: Database) -> None:
    """SEC-20: of many workers that see it at the same time, one takes it."""
    sent = made()
    together = threading.Barrier(4)

    def attempt(_number: int) -> bool:
        together.wait()
        try:
            prove(database, sent)
        except AssertionRefusedError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(attempt, range(4))) == [False, False, False, True]


def test_a_jti_is_its_issuers_own_and_is_forgotten(database: Database) -> None:
    claims = {"jti": "the-same"}
    prove(database, made(claims=claims))
    prove(database, made("other", name="rsa-other", claims=claims))
    with pytest.raises(AssertionRefusedError, match="jti"):
        prove(database, made(claims=claims))
    later = NOW_S + client_assertion.LIFETIME_S + client_assertion.SKEW_S + 1
    prove(database, assertion("by-key", TOKEN_URL, later), later)
    with database.connection() as connection:
        row = connection.execute(
            "SELECT count(*) FROM oauth_assertion WHERE expires < %s", (later * 1_000_000,)
        ).fetchone()
    assert row == (0,)
