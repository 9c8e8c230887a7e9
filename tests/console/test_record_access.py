"""`/record-access`: who saw a record, in plain words, for those whom it is about.

Spec: 45 CFR 164.528
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

import pytest

from fhirserver.identity import accounts
from fhirserver.identity.accounts import Account, Proxied
from fhirserver.store.database import now_us
from tests.console.people import People
from tests.waiting import wait_for

_ROW = """
WITH one AS (
    INSERT INTO audit (at, tid, id, rid, outcome, interaction, actor, client, request_id, address,
        purpose, reason)
    SELECT %s, tid, id, rid, %s, %s, %s, %s, '', '', %s, %s FROM resource WHERE id = %s
    RETURNING entry, at, rid)
INSERT INTO audit_patient (pat, at, entry)
SELECT r.pat, one.at, one.entry FROM one JOIN resource r ON r.rid = one.rid
"""
BOBS = "?patient=ward-bob&until=2000-01-01"
NOON = datetime(2020, 2, 29, 12, tzinfo=UTC)


def put(
    people: People,
    patient: Account,
    interaction: str,
    *,
    at: datetime = NOON,
    actor: str = "Practitioner/70",
    client: str = "ward-app",
    outcome: int = 200,
    purpose: str | None = None,
    reason: str | None = None,
) -> None:
    """Put rows into the trail as they are once they are sealed: of each resource with the id."""
    people.change(_ROW, at, outcome, interaction, actor, client, purpose, reason, patient.patient)


@pytest.fixture
def patient(people: People, ward: None) -> Account:
    """A patient of whom nobody has seen anything in 2020, with one Encounter."""
    id_ = f"seen-{token_hex(4)}"
    with people.secured.caller(people.secured.issue("system/*.cruds").secret) as loader:
        for resource in (
            {"resourceType": "Patient", "name": [{"given": ["Sue"], "family": "Seen"}]},
            {
                "resourceType": "Encounter",
                "status": "finished",
                "class": {"code": "AMB"},
                "subject": {"reference": f"Patient/{id_}"},
            },
        ):
            place = f"{resource['resourceType']}/{id_}"
            assert loader.request("PUT", place, {**resource, "id": id_}).status == 201
    return people.add("sue", "patient", f"Patient/{id_}")


def lines(page: str) -> list[str]:
    """Give the lines of a page as somebody reads them."""
    found = re.findall(r"<li>(.*?)</li>", page, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]+>", " ", each).split()) for each in found]


def show(people: People, account: Account, query: str = "?until=2020-02-29") -> str:
    with people.enter(account) as visitor:
        answer = visitor.get(f"/record-access{query}")
    assert answer.status == 200, answer.text
    return answer.text


def test_a_day_in_plain_words(people: People, patient: Account) -> None:
    """SEC-N7: who, what, how often, when, through what; nothing of what was refused."""
    put(people, patient, "read", at=NOON)
    put(people, patient, "read", at=NOON + timedelta(hours=1))
    put(people, patient, "search-type", at=NOON, actor="Practitioner/nobody", client="<i>")
    put(people, patient, "update", actor=patient.fhir_user or "", at=NOON - timedelta(hours=1))
    put(people, patient, "read", outcome=403, actor="Practitioner/refused")
    found = lines(show(people, patient))
    types = ("name, address and other personal details", "visits")
    assert sorted(found) == sorted(
        line
        for words in types
        for line in (
            f"Ada Wardley looked at {words}, 2 times last at 13:00 through ward-app",
            f"Practitioner/nobody looked at {words} 12:00 through &lt;i&gt;",
            f"You changed {words} 11:00 through ward-app",
        )
    )


def test_emergency_access_is_marked(people: People, patient: Account) -> None:
    """SEC-N7, SEC-N4."""
    put(people, patient, "read", actor="Practitioner/80", purpose="BTG")
    found = lines(show(people, patient))
    assert len(found) == 2
    assert all("Emergency access" in line for line in found)


def test_a_broken_glass_comes_with_its_reason(people: People, patient: Account) -> None:
    """SEC-N7, SEC-N4: as the trail is sealed in the background."""
    with people.enter(people.add("eve", fhir_user="Practitioner/80")) as visitor:
        fields = {"patient": patient.patient or "", "reason": "unconscious, no papers"}
        assert visitor.press("/break-glass", "/break-glass", **fields).status == 303
    with people.enter(patient) as visitor:
        words = "opened the record in an emergency"
        wait_for(lambda: words in visitor.get("/record-access").text)
        text = visitor.get("/record-access").text
    assert "<strong>Eve Elsewhere</strong> opened the record in an emergency" in text
    assert "unconscious, no papers" in text


def test_pages_by_date(people: People, patient: Account) -> None:
    """SEC-N7: a month a page; `Earlier` leads to the last day before that has anything."""
    put(people, patient, "read", at=NOON)
    put(people, patient, "read", at=NOON - timedelta(days=30))
    put(people, patient, "delete", at=NOON - timedelta(days=31))
    put(people, patient, "create", at=NOON - timedelta(days=400))
    page = show(people, patient)
    assert re.findall(r'id="day-([0-9-]+)"', page) == ["2020-02-29", "2020-01-30"]
    for expected in ("2020-01-29", "2019-01-25"):
        found = re.search(r'href="(/record-access\?[^"]+)">Earlier', page)
        assert found is not None
        page = show(people, patient, found[1].replace("&amp;", "&").removeprefix("/record-access"))
        assert re.findall(r'id="day-([0-9-]+)"', page)[0] == expected
    assert "Earlier" not in page


def proxy(people: People) -> Account:
    account = people.add("pat", "proxy", None)
    with people.database.connection() as connection:
        listed = [Proxied(each, now_us() + 10**12) for each in ("ward-ann", "ward-bob")]
        accounts.keep_proxied(connection, account.id, listed)
    return account


@pytest.mark.parametrize(
    ("role", "query", "status", "says"),
    [
        pytest.param("patient", "", 200, "Who saw your record", id="SEC-N7/own"),
        pytest.param("patient", "?patient=ward-bob", 404, "not for you", id="SEC-N7/anothers"),
        pytest.param("patient", "?patient=nobody", 404, "not for you", id="SEC-N7/absent-alike"),
        pytest.param("patient", "?patient=%00", 404, "not for you", id="SEC-N7/no-id"),
        pytest.param("patient", "?until=yesterday", 400, "no day", id="SEC-N7/no-day"),
        pytest.param("patient", "?until=0001-01-01", 400, "1900 to 2999", id="SEC-N7/first-day"),
        pytest.param("patient", "?until=9999-12-31", 400, "1900 to 2999", id="SEC-N7/last-day"),
        pytest.param("proxy", BOBS, 200, "of Bob", id="SEC-N7/proxy"),
        pytest.param("proxy", "?patient=ward-eve", 404, "not for you", id="SEC-N7/not-proxied"),
        pytest.param("auditor", "", 200, "Patient’s id", id="SEC-N7/auditor-asks"),
        pytest.param("auditor", BOBS, 200, "Nobody did", id="SEC-N7/auditor"),
        pytest.param("physician", "?patient=ward-ann", 403, "AuditEvent", id="SEC-N7/physician"),
        pytest.param("administrator", "", 403, "AuditEvent", id="SEC-N7/administrator"),
    ],
)
def test_who_may_look(
    people: People, patient: Account, role: str, query: str, status: int, says: str
) -> None:
    match role:
        case "patient":
            account = patient
        case "proxy":
            account = proxy(people)
        case _:
            account = people.add("x", role, "Practitioner/70")
    with people.enter(account) as visitor:
        answer = visitor.get(f"/record-access{query}")
    assert (answer.status, says in answer.text) == (status, True), answer.text


def test_a_look_is_told(people: People, patient: Account) -> None:
    """SEC-T10."""
    show(people, people.add("carl", "auditor", None), "?patient=ward-ann")
    with people.database.connection() as connection:
        rows: list[tuple[Any, ...]] = connection.execute(
            "SELECT actor LIKE 'account:%%', id FROM audit WHERE interaction = 'record-access'"
            " ORDER BY at DESC LIMIT 1"
        ).fetchall()
    assert rows == [(True, "ward-ann")]
