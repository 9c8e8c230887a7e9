"""Whom a clinician treats, by what is stored: one row per rule and per way out of it.

Spec: https://hl7.org/fhir/R4/security.html
"""

from typing import Any

import pytest

from fhirserver.access import AuthContext, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.interactions import Services
from fhirserver.interactions.delete import delete
from fhirserver.interactions.update import update
from fhirserver.store.care_relation import related_patients
from fhirserver.store.database import Database, now_us
from tests.conftest import truncate_all

AUTH = AuthContext("operator", "tests", "request-1")
NOW_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
DAY_US = 86_400_000_000
ME = {"reference": "Practitioner/me"}
SOMEBODY = {"reference": "Practitioner/other"}
SUBJECT = {"reference": "Patient/a"}


def role(**more: Any) -> dict[str, Any]:
    return {"resourceType": "PractitionerRole", "id": "role", "practitioner": ME} | more


def care_team(member: Any = ME, **more: Any) -> dict[str, Any]:
    body = {"resourceType": "CareTeam", "id": "it", "status": "active", "subject": SUBJECT}
    return body | {"participant": [{"member": member}]} | more


def encounter(status: str, member: Any = ME, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": "it",
        "status": status,
        "class": {"code": "AMB"},
        "subject": SUBJECT,
        "participant": [{"individual": member}],
    } | more


def appointment(status: str, day: str, *others: str) -> dict[str, Any]:
    actors = [ME, *({"reference": f"Patient/{each}"} for each in ("a", *others))]
    return {
        "resourceType": "Appointment",
        "id": "it",
        "status": status,
        "start": f"{day}T10:00:00Z",
        "end": f"{day}T11:00:00Z",
        "participant": [{"actor": actor, "status": "accepted"} for actor in actors],
    }


def episode(status: str, **more: Any) -> dict[str, Any]:
    body = {"resourceType": "EpisodeOfCare", "id": "it", "status": status, "patient": SUBJECT}
    return body | {"careManager": ME} | more


ROLE_MEMBER = {"reference": "PractitionerRole/role"}
RECENT = {"period": {"start": "2025-11-01", "end": "2025-12-20"}}
LONG_AGO = {"period": {"start": "2025-01-01", "end": "2025-02-01"}}
OPEN = {"period": {"start": "2019-01-01"}}

RELATIVE = {"reference": "Patient/b"}
LINKED = {
    "resourceType": "Patient",
    "id": "a",
    "generalPractitioner": [ME],
    "link": [{"other": RELATIVE, "type": "seealso"}],
}

CASES = [
    pytest.param([], (), id="nothing-ties"),
    pytest.param([LINKED], ("a",), id="SEC-E24/patient/not-what-it-is-linked-to"),
    pytest.param([care_team()], ("a",), id="care-team/active"),
    pytest.param(
        [care_team(participant=[{"member": each} for each in (ME, RELATIVE)])],
        ("a",),
        id="care-team/not-a-member-s-own-record",
    ),
    pytest.param([care_team(**OPEN)], ("a",), id="care-team/active-open-period"),
    pytest.param([care_team(**RECENT)], ("a",), id="care-team/active-period-within-grace"),
    pytest.param([care_team(**LONG_AGO)], (), id="care-team/active-period-over"),
    pytest.param([care_team(status="inactive", **RECENT)], ("a",), id="care-team/inactive-grace"),
    pytest.param([care_team(status="inactive")], (), id="care-team/inactive-without-time"),
    pytest.param([care_team(status="proposed")], (), id="care-team/proposed"),
    pytest.param([care_team(status="entered-in-error")], (), id="care-team/entered-in-error"),
    pytest.param([care_team(SOMEBODY)], (), id="care-team/somebody-else"),
    pytest.param([role(), care_team(ROLE_MEMBER)], ("a",), id="care-team/by-role"),
    pytest.param([role(active=True), care_team(ROLE_MEMBER)], ("a",), id="role/active"),
    pytest.param([role(active=False), care_team(ROLE_MEMBER)], (), id="role/inactive"),
    pytest.param([role(**RECENT), care_team(ROLE_MEMBER)], (), id="role/over"),
    pytest.param([encounter("in-progress")], ("a",), id="encounter/in-progress"),
    pytest.param([encounter("planned", **OPEN)], ("a",), id="encounter/planned"),
    pytest.param([encounter("finished", **RECENT)], ("a",), id="encounter/finished-within-grace"),
    pytest.param([encounter("finished", **LONG_AGO)], (), id="encounter/finished-long-ago"),
    pytest.param([encounter("finished")], (), id="encounter/finished-without-time"),
    pytest.param([encounter("cancelled", **RECENT)], (), id="encounter/cancelled"),
    pytest.param([encounter("in-progress", SOMEBODY)], (), id="encounter/somebody-else"),
    pytest.param([episode("active")], ("a",), id="episode/active"),
    pytest.param([episode("finished", **RECENT)], ("a",), id="episode/finished-within-grace"),
    pytest.param([episode("cancelled", **RECENT)], (), id="episode/cancelled"),
    pytest.param([appointment("booked", "2026-02-01")], ("a",), id="appointment/to-come"),
    pytest.param([appointment("fulfilled", "2025-12-20")], ("a",), id="appointment/recent"),
    pytest.param([appointment("booked", "2025-06-01")], (), id="appointment/long-ago"),
    pytest.param([appointment("noshow", "2025-12-20")], (), id="appointment/noshow"),
    pytest.param([appointment("booked", "2026-02-01", "b")], ("a", "b"), id="appointment/two"),
    pytest.param([care_team(), encounter("in-progress")], ("a",), id="tied-twice-told-once"),
]


@pytest.fixture
def services(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    made = Services(r4(), database, Settings(), allow_all, now_us, b"k" * 32)
    for type_, id_ in (
        ("Practitioner", "me"),
        ("Practitioner", "other"),
        ("Patient", "a"),
        ("Patient", "b"),
    ):
        update(made, AUTH, type_, id_, {"resourceType": type_, "id": id_})
    return made


def store(services: Services, body: dict[str, Any]) -> None:
    update(services, AUTH, body["resourceType"], body["id"], body)


def related(services: Services, practitioner: str = "me") -> tuple[str, ...]:
    with services.database.connection() as connection:
        return related_patients(
            connection,
            services.definitions,
            ("Practitioner", practitioner),
            now_us=NOW_US,
            grace_us=30 * DAY_US,
        )


@pytest.mark.parametrize(("bodies", "expected"), CASES)
def test_what_ties_a_practitioner_to_patients(
    services: Services, bodies: list[dict[str, Any]], expected: tuple[str, ...]
) -> None:
    for body in bodies:
        store(services, body)
    assert related(services) == expected


def test_a_general_practitioner_is_tied_until_the_patient_says_otherwise(
    services: Services,
) -> None:
    patient = {"resourceType": "Patient", "id": "b", "generalPractitioner": [ME]}
    store(services, patient)
    assert related(services) == ("b",)
    store(services, patient | {"generalPractitioner": [SOMEBODY]})
    assert (related(services), related(services, "other")) == ((), ("b",))


def test_what_is_deleted_ties_nobody(services: Services) -> None:
    store(services, care_team())
    delete(services, AUTH, "CareTeam", "it")
    assert related(services) == ()


def test_whoever_is_not_stored_treats_nobody(services: Services) -> None:
    assert related(services, "nobody") == ()


def test_a_session_of_many_ties_nobody(services: Services) -> None:
    others = [f"p{number}" for number in range(9)]
    for each in others:
        store(services, {"resourceType": "Patient", "id": each})
    store(services, appointment("booked", "2026-02-01", *others))
    assert related(services) == ()
