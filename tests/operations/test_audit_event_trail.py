"""AuditEvent/$trail: who finds what in the audit trail, page by page.

Spec: security requirements T10 and T13
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client import Answer
from tests.secured import Caller, Secured
from tests.waiting import wait_for

_TOLD = "SELECT outcome, query FROM audit WHERE request_id = %s"


@pytest.fixture(scope="module")
def nurse(secured: Secured) -> str:
    """A patient's record that was touched five times; gives who did it."""
    token = secured.issue("system/*.cruds", client="trail-loader").secret
    with secured.caller(token) as caller:
        for id_ in ("trail-a", "trail-b"):
            caller.request("PUT", f"Patient/{id_}", {"resourceType": "Patient", "id": id_})
        for _ in range(4):
            assert caller.get("Patient/trail-a").status == 200
        caller.get("Patient/trail-b")
    return "trail-loader"


@pytest.fixture
def auditor(secured: Secured) -> Iterator[Caller]:
    """An auditor's application."""
    issued = secured.issue("user/AuditEvent.rs", role="auditor")
    with secured.caller(issued.secret) as caller:
        yield caller


def events(answer: Answer) -> list[str]:
    """Give the codes of a page's events."""
    assert answer.status == 200, answer.text
    found = [each["resource"] for each in answer.json.get("entry", ())]
    return [each["subtype"][-1]["code"] for each in found]


def link(answer: Answer, relation: str) -> str | None:
    return next((e["url"] for e in answer.json["link"] if e["relation"] == relation), None)


def test_an_auditor_follows_the_trail_of_a_record(
    secured: Secured, nurse: str, auditor: Caller
) -> None:
    """SEC-T13: by patient and agent, newest first, each once whatever the page's length."""
    query = f"AuditEvent/$trail?patient=trail-a&agent={nurse}"
    wait_for(lambda: len(events(auditor.get(query))) == 5)
    whole = auditor.get(query)
    assert events(whole) == ["read"] * 4 + ["update"]
    assert whole.json["entry"][0]["resource"]["meta"]["profile"][0].endswith("PatientRead")
    paged: list[str] = []
    page = auditor.get(f"{query}&_count=2")
    while True:
        paged += [each["fullUrl"] for each in page.json["entry"]]
        further = link(page, "next")
        if further is None:
            break
        page = auditor.get(further.removeprefix(f"{secured.base}/"))
    assert paged == [each["fullUrl"] for each in whole.json["entry"]]
    assert "since=" in (link(whole, "self") or "")
    assert events(auditor.get(f"{query}&until=2001")) == []
    with secured.database.connection() as connection:
        row = connection.execute(_TOLD, (whole.headers["x-request-id"],)).fetchone()
    assert row == (200, query.partition("?")[2])


@pytest.mark.parametrize(
    ("scopes", "role", "user", "status"),
    [
        pytest.param("user/AuditEvent.rs", "auditor", None, 200, id="SEC-T13-auditor"),
        pytest.param("system/AuditEvent.s", None, None, 200, id="SEC-T13-client"),
        pytest.param("user/AuditEvent.r", "auditor", None, 403, id="SEC-E3-no-search"),
        pytest.param("user/*.cruds", "administrator", None, 403, id="SEC-E11-administrator"),
        pytest.param("user/*.cruds", "physician", "Practitioner/7", 403, id="SEC-E11-physician"),
        pytest.param("patient/AuditEvent.rs", "patient", "Patient/trail-a", 403, id="SEC-E6-app"),
        pytest.param("user/AuditEvent.rs", "patient", "Patient/trail-a", 403, id="SEC-E11-patient"),
        pytest.param("system/AuditEvent.rs?action=R", None, None, 403, id="SEC-S5-granular"),
        pytest.param(None, None, None, 401, id="SEC-E1-nobody"),
    ],
)
def test_who_may_see_the_trail(
    secured: Secured, nurse: str, scopes: str | None, role: str | None, user: str | None,
    status: int,
) -> None:  # fmt: skip
    """An event names all patients that it is about, so whoever is confined gets none."""
    assert nurse
    token = None
    if scopes is not None:
        patient = "trail-a" if scopes.startswith("patient/") else None
        token = secured.issue(scopes, role=role, user=user, patient=patient).secret
    with secured.caller(token) as caller:
        answer = caller.get("AuditEvent/$trail?patient=trail-a")
    assert answer.status == status
    assert "trail-loader" not in answer.text or status == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("patient=a/b", 400), ("since=soon", 400), ("until=9999-12-31", 200), ("since=0001", 200),
        ("until=0001", 200), ("_count=0", 400), ("_count=x", 400), ("_count=99999999", 200),
        ("before=1", 400), ("before=99999999999999999-1", 200), ("agent=%00", 400), ("x=1", 400),
        ("since=2026&since=2027", 400),
    ],
)  # fmt: skip
def test_parameters_that_are_odd(auditor: Caller, query: str, status: int) -> None:
    answer = auditor.get(f"AuditEvent/$trail?{query}")
    assert answer.status == status, answer.text
    if status == 400:
        assert answer.json["issue"][0]["diagnostics"]


@pytest.mark.parametrize(
    ("name", "status"), [("agent", 422), ("patient", 400), ("since", 400), ("before", 400)]
)
def test_a_body_that_is_odd(auditor: Caller, name: str, status: int) -> None:
    """What PostgreSQL holds in no text."""
    body = {"resourceType": "Parameters", "parameter": [{"name": name, "valueString": "a\0b"}]}
    answer = auditor.request(
        "POST", "AuditEvent/$trail", body, content_type="application/fhir+json"
    )
    assert answer.status == status, answer.text
