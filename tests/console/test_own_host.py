"""Pages are shown under the server's own name; what applications call is under any.

Spec: RFC 9110 sections 7.2 and 15.5.20
"""

from __future__ import annotations

import pytest

from fhirserver.console.own_host import is_own
from tests.console.people import PASSWORD, People
from tests.secured import Secured
from tests.visitor import Visitor

NAMED, LOCAL = "https://fhir.example.org/fhir", "http://127.0.0.1:8080/fhir"


@pytest.mark.parametrize(
    ("host", "public_url", "own"),
    [
        pytest.param("fhir.example.org", NAMED, True, id="the-name"),
        pytest.param("FHIR.example.org", NAMED, True, id="case"),
        pytest.param("fhir.example.org:8443", NAMED, True, id="ports-do-not-count"),
        pytest.param("fhir.example.org", "https://fhir.example.org:8443/fhir", True, id="no-port"),
        pytest.param("evil.example", NAMED, False, id="another"),
        pytest.param("fhir.example.org.evil.example", NAMED, False, id="prefix"),
        pytest.param("evil-fhir.example.org", NAMED, False, id="suffix"),
        pytest.param("fhir.example.org@evil.example", NAMED, False, id="user"),
        pytest.param("127.0.0.1", NAMED, False, id="loopback-is-not-a-name"),
        pytest.param("", NAMED, False, id="nothing"),
        pytest.param("[", NAMED, False, id="malformed"),
        pytest.param("localhost", LOCAL, True, id="localhost"),
        pytest.param("127.0.0.2:1", LOCAL, True, id="loopback-4"),
        pytest.param("[::1]:8080", LOCAL, True, id="loopback-6"),
        pytest.param("127.0.0.1", "http://localhost:8080/fhir", True, id="from-localhost"),
        pytest.param("127.0.0.1.evil.example", LOCAL, False, id="loopback-prefix"),
        pytest.param("192.0.2.1", LOCAL, False, id="beyond-loopback"),
        pytest.param("fhir.example.org", "https://0.0.0.0:443/fhir", True, id="bound-anywhere"),
        pytest.param("fhir.example.org", "https://[::]:443/fhir", True, id="bound-anywhere-6"),
    ],
)
def test_which_names_are_own(host: str, public_url: str, own: bool) -> None:
    assert is_own(host, public_url) is own


@pytest.mark.parametrize(
    "path",
    ["/", "/login", "/account", "/apps", "/launch", "/oauth/authorize", "/oauth/logout"],
)
def test_pages_are_nowhere_else(secured: Secured, path: str) -> None:
    """SEC-A8: nor is there a cookie, or a form to type into."""
    with secured.server.client() as client:
        elsewhere = client.request("GET", path, headers={"Host": "evil.example"})
        here = client.request("GET", path, headers={"Host": "localhost:1"})
    assert elsewhere.status == 421
    assert f"are at {secured.root}/ " in elsewhere.text
    assert "set-cookie" not in elsewhere.headers
    assert "<form" not in elsewhere.text
    assert here.status != 421


def test_no_password_is_taken_under_another_name(people: People, visitor: Visitor) -> None:
    """SEC-A9: a page of that name could send it, as Origin and Host are the same."""
    people.add("ada")
    fields = {"username": "ada", "password": PASSWORD}
    there = {"host": "evil.example", "origin": "http://evil.example"}
    assert visitor.submit("/login", fields, **there).status == 421
    assert visitor.cookies == {}
    assert visitor.submit("/login", fields).status == 303


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/fhir/metadata", 200, id="fhir"),
        pytest.param("GET", "/fhir/Patient", 401, id="fhir-without-token"),
        pytest.param("GET", "/health/live", 200, id="health"),
        pytest.param("GET", "/oauth/jwks", 200, id="keys"),
        pytest.param("GET", "/oauth/userinfo", 401, id="userinfo"),
        pytest.param("POST", "/oauth/register", 400, id="registration"),
    ],
)
def test_what_applications_call_is_under_every_name(
    secured: Secured, method: str, path: str, status: int
) -> None:
    with secured.server.client() as client:
        answer = client.request(method, path, headers={"Host": "fhirserver.internal:8080"})
    assert answer.status == status
