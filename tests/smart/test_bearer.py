"""Who presents which token is let in or told why not, and what it may do counts at once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fhirserver.store.database import now_us
from tests.secured import Caller, Secured

NO_TOKEN = 'Bearer realm="fhir"'
INVALID = 'Bearer realm="fhir", error="invalid_token"'


@pytest.fixture
def nobody(secured: Secured) -> Iterator[Caller]:
    """Somebody without a token."""
    with secured.caller() as caller:
        yield caller


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        pytest.param(None, NO_TOKEN, id="SEC-E1-none"),
        pytest.param("Bearer {wrong}", INVALID, id="SEC-E1-unknown"),
        pytest.param("Bearer {expired}", INVALID, id="SEC-E1-expired"),
        pytest.param("Bearer {elsewhere}", INVALID, id="SEC-A4-issued-for-another-base"),
        pytest.param("Bearer {revoked}", INVALID, id="SEC-I2-revoked"),
        pytest.param("Bearer {shut-out}", INVALID, id="SEC-B6-client-disabled"),
        pytest.param("Bearer", INVALID, id="SEC-E1-empty"),
        pytest.param("Basic {good}", INVALID, id="SEC-E1-other-scheme"),
        pytest.param("Bearer {good}, Bearer {good}", INVALID, id="SEC-E1-two-headers"),
        pytest.param("Bearer {good} {good}", INVALID, id="SEC-E1-two-tokens"),
    ],
)
@pytest.mark.parametrize("accept", ["application/fhir+json", "application/fhir+xml"])
def test_who_is_not_let_in(
    secured: Secured, nobody: Caller, header: str | None, challenge: str, accept: str
) -> None:
    sent = {"Accept": accept}
    if header is not None:
        sent["Authorization"] = _filled(secured, header)
    answer = nobody.request("GET", "Patient/nobody", None, **sent)
    assert answer.status == 401, answer.text
    assert answer.headers["www-authenticate"] == challenge
    assert answer.headers["content-type"].startswith(accept)
    assert "OperationOutcome" in answer.text


def test_a_token_is_known_by_every_worker(secured: Secured) -> None:
    token = secured.issue("system/Patient.rs").secret
    for _ in range(8):
        with secured.caller(token) as caller:
            assert caller.get("Patient?_count=0").status == 200


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "metadata"), ("OPTIONS", "Patient"), ("HEAD", "metadata")]
)
def test_what_everybody_may_ask(nobody: Caller, method: str, path: str) -> None:
    assert nobody.request(method, path).status in (200, 204)


@pytest.mark.parametrize("with_header", [True, False])
def test_a_token_in_the_url_is_never_taken(secured: Secured, with_header: bool) -> None:
    token = secured.issue("system/*.cruds").secret
    with secured.caller(token if with_header else None) as caller:
        answer = caller.get(f"Patient?access_token={token}")
    assert answer.status == 400
    assert token not in answer.text


@pytest.mark.parametrize(
    ("scopes", "path", "status"),
    [
        pytest.param("system/Patient.rs", "Patient?_count=0", 200, id="granted"),
        pytest.param("system/Patient.rs", "Observation?_count=0", 403, id="another-type"),
        pytest.param("openid fhirUser", "Patient?_count=0", 403, id="no-scope-of-resources"),
    ],
)
def test_scopes_count(secured: Secured, scopes: str, path: str, status: int) -> None:
    with secured.caller(secured.issue(scopes).secret) as caller:
        assert caller.get(path).status == status


def _filled(secured: Secured, header: str) -> str:
    """Put tokens of each kind into a header."""
    kind = header[header.index("{") + 1 : header.index("}")] if "{" in header else "good"
    if kind == "wrong":
        return header.replace("{wrong}", "x" * 43)
    issued = secured.issue(
        "system/*.cruds",
        client="shut-out" if kind == "shut-out" else "test-application",
        lifetime_s=0 if kind == "expired" else 3600,
    )
    changes = {
        "elsewhere": "UPDATE oauth_grant SET audience = audience || '/'",
        "revoked": f"UPDATE oauth_grant SET revoked = {now_us()}",
    }
    with secured.database.connection() as connection:
        if kind in changes:
            under = " WHERE number = (SELECT under FROM oauth_token WHERE number = %s)"
            connection.execute((changes[kind] + under).encode(), (issued.number,))
        if kind == "shut-out":
            connection.execute("UPDATE oauth_client SET disabled = true WHERE id = 'shut-out'")
    return header.replace("{" + kind + "}", issued.secret)
