"""What a token stood for a moment ago counts no more once it stands for something else.

A read asks for its token in its own statement, and presumes what it was last. Each row reads twice,
so that the second time everything is presumed, changes one thing, and reads again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from fhirserver.store.database import now_us
from fhirserver.store.schema import COPIES_MAX
from tests.secured import Caller, Secured
from tests.waiting import wait_for

A, B = "presumed-a", "presumed-b"
_numbers = itertools.count(1)


@dataclass
class Case:
    """A caller, and what changes for it.

    Attributes:
        number: tells one case's people from another's.
        everybody: may do everything.
        caller: reads; set by `of`.
    """

    secured: Secured
    everybody: Caller
    number: int = field(default_factory=lambda: next(_numbers))
    account: str = ""
    token: int | None = None
    caller: Caller | None = None

    @property
    def me(self) -> str:
        return f"Practitioner/presumed-{self.number}"

    def of(self, scopes: str, **person: Any) -> None:
        """Give the caller its token, of a client of its own."""
        if person:
            self.account = self.secured.account(person["role"], person.get("user"),
                                                person.get("patients"))  # fmt: skip
        issued = self.secured.issue(scopes, client=f"presumed-{self.number}", **person)
        self.token = issued.number
        self.caller = Caller(self.everybody.client, issued.secret)

    def put(self, type_: str, id_: str, **content: Any) -> None:
        answer = self.everybody.request(
            "PUT", f"{type_}/{id_}", {"resourceType": type_, "id": id_, **content}
        )
        assert answer.status in (200, 201), answer.text

    def team(self, patient: str, status: str = "active") -> None:
        """Have the person treat a patient, or not."""
        members = [{"member": {"reference": self.me}}]
        self.put("CareTeam", f"presumed-{patient}-{self.number}", status=status,
                 subject={"reference": f"Patient/{patient}"}, participant=members)  # fmt: skip

    def sql(self, text: str) -> None:
        values = {"me": self.account, "token": self.token, "client": f"presumed-{self.number}"}
        values |= {"now": now_us(), "ever": 9_000_000_000_000_000}
        with self.secured.database.connection() as connection:
            connection.execute(text.encode(), values)

    def told(self) -> list[tuple[Any, ...]]:
        """Give what the audit tells of this caller's reads."""
        text = """SELECT interaction, outcome, actor, client, purpose FROM audit
            WHERE token = %s ORDER BY at"""
        with self.secured.database.connection() as connection:
            return connection.execute(text, (str(self.token),)).fetchall()


@pytest.fixture
def case(secured: Secured) -> Iterator[Case]:
    with secured.caller(secured.issue("system/*.cruds").secret) as everybody:
        found = Case(secured, everybody)
        for patient in (A, B):
            found.put("Patient", patient)
            about = {"status": "final", "subject": {"reference": f"Patient/{patient}"}}
            found.put("Observation", f"{patient}-o", code={"text": "c"}, **about)
        actors = [{"actor": {"reference": f"Patient/{each}"}, "status": "accepted"}
                  for each in (A, B)]  # fmt: skip
        found.put("Appointment", "presumed-ab", status="proposed", participant=actors)
        found.put("Device", "presumed-d", patient={"reference": PATIENT})
        context = {"securityContext": {"reference": PATIENT}}
        found.put("Binary", "presumed-b", contentType="text/plain", data="YQ==", **context)
        found.put("Practitioner", found.me.partition("/")[2])
        yield found


def program(case: Case) -> None:
    case.of("system/*.rs")


def person(role: str, scopes: str = "user/*.rs", **more: Any) -> Callable[[Case], None]:
    def prepare(case: Case) -> None:
        for patient in (A, B):
            case.team(patient)
        case.of(scopes, role=role, user=case.me, **more)

    return prepare


def nobodys(case: Case) -> None:
    """A physician who treats nobody."""
    case.of("user/*.rs", role="physician", user=case.me)


def treats_one(scopes: str, **more: Any) -> Callable[[Case], None]:
    def prepare(case: Case) -> None:
        case.team(A)
        case.of(scopes, role="physician", user=case.me, **more)

    return prepare


def emergency(case: Case) -> None:
    """A physician who broke the glass for the only patient that it treats, too."""
    treats_one("user/*.rs")(case)
    case.sql(BREAK)


def proxy(case: Case) -> None:
    case.of("patient/*.rs", role="proxy", user=None, patients=(A,), patient=A)


def sql(text: str) -> Callable[[Case], None]:
    return lambda case: case.sql(text)


def teams(status: str, *patients: str) -> Callable[[Case], None]:
    def change(case: Case) -> None:
        for patient in patients:
            case.team(patient, status)

    return change


def deleted(case: Case) -> None:
    assert case.everybody.request("DELETE", f"CareTeam/presumed-{A}-{case.number}").status == 204


BY_TOKEN = "WHERE number = (SELECT under FROM oauth_token WHERE number = %(token)s)"
BREAK = """INSERT INTO broken_glass (account, patient, reason, broken, expires)
    VALUES (%(me)s, 'presumed-a', 'r', %(now)s, %(ever)s)"""
OBSERVATION, PATIENT, SHARED = f"Observation/{A}-o", f"Patient/{A}", "Appointment/presumed-ab"
DEVICE, BINARY = "Device/presumed-d", "Binary/presumed-b"
PHYSICIAN = person("physician")
LAUNCHED = person("physician", "patient/*.rs", patient=A)
ROLE = sql("UPDATE account SET role = 'billing' WHERE id = %(me)s")


def row(
    name: str, who: Callable[[Case], None], path: str, change: Callable[[Case], None],
    *statuses: int,
) -> Any:  # fmt: skip
    return pytest.param(who, path, change, statuses, id=f"SEC-E26-{name}")


@pytest.mark.parametrize(
    ("who", "path", "change", "statuses"),
    [
        row("revoked", program, OBSERVATION,
            sql(f"UPDATE oauth_grant SET revoked = %(now)s {BY_TOKEN}"), 200, 401),
        row("expired", program, OBSERVATION,
            sql("UPDATE oauth_token SET expires = %(now)s WHERE number = %(token)s"), 200, 401),
        row("another-base", program, OBSERVATION,
            sql(f"UPDATE oauth_grant SET audience = audience || '/' {BY_TOKEN}"), 200, 401),
        row("client-disabled", program, OBSERVATION,
            sql("UPDATE oauth_client SET disabled = true WHERE id = %(client)s"), 200, 401),
        row("fewer-scopes", program, OBSERVATION,
            sql("UPDATE oauth_token SET scopes = 'system/Patient.rs' WHERE number = %(token)s"),
            200, 403),
        row("account-disabled", PHYSICIAN, OBSERVATION,
            sql("UPDATE account SET disabled = true WHERE id = %(me)s"), 200, 401),
        row("role", PHYSICIAN, OBSERVATION, ROLE, 200, 403),
        row("role-of-what-is-nobodys", PHYSICIAN, "Practitioner/presumed-gp",
            sql("UPDATE account SET role = 'nobody' WHERE id = %(me)s"), 404, 403),
        row("untrained", person("researcher"), OBSERVATION,
            sql("UPDATE account SET training_expires = '2020-01-01' WHERE id = %(me)s"), 200, 403),
        row("person", PHYSICIAN, OBSERVATION,
            sql("UPDATE account SET fhir_user = 'Practitioner/0' WHERE id = %(me)s"), 200, 404),
        row("relation-ended", PHYSICIAN, OBSERVATION, teams("inactive", A), 200, 404),
        row("relation-deleted", PHYSICIAN, OBSERVATION, deleted, 200, 404),
        row("relation-ended/patient", PHYSICIAN, PATIENT, teams("inactive", A), 200, 404),
        row("relation-ended/launched", LAUNCHED, OBSERVATION, teams("inactive", A), 200, 404),
        row("relation-begun/launched-with-the-only-one", treats_one("patient/*.rs", patient=A),
            f"Observation/{B}-o", teams("active", B), 404, 404),
        row("relation-ended/glass-broken", emergency, OBSERVATION, teams("inactive", A), 200, 200),
        row("relation-ended/granular",
            person("physician", "user/Observation.rs?status=final"), OBSERVATION,
            teams("inactive", A), 200, 404),
        row("relation-to-one-of-two", PHYSICIAN, SHARED, teams("inactive", A), 200, 404),
        row("relation-to-the-other-of-two", PHYSICIAN, SHARED, teams("inactive", B), 200, 404),
        row("relation-to-another", PHYSICIAN, OBSERVATION, teams("inactive", B), 200, 200),
        row("relation-ended/in-no-compartment", PHYSICIAN, DEVICE, teams("inactive", A), 200, 404),
        row("relation-ended/binary", PHYSICIAN, BINARY, teams("inactive", A), 200, 404),
        row("relation-begun/in-no-compartment", nobodys, DEVICE, teams("active", A), 404, 200),
        row("relation-begun", nobodys, OBSERVATION, teams("active", A), 404, 200),
        row("relation-begun/to-one-of-two", nobodys, SHARED, teams("active", A), 404, 404),
        row("relation-begun/to-both", nobodys, SHARED, teams("active", A, B), 404, 200),
        row("glass-broken", nobodys, OBSERVATION, sql(BREAK), 404, 200),
        row("relation-ended/proxy-too", person("physician", patients=(A,)), OBSERVATION,
            teams("inactive", A), 200, 200),
        row("proxy-no-more", proxy, OBSERVATION,
            sql("UPDATE account_patient SET expires = %(now)s WHERE account = %(me)s"), 200, 404),
    ],
)  # fmt: skip
def test_what_changed_counts_from_the_next_read(
    case: Case,
    who: Callable[[Case], None],
    path: str,
    change: Callable[[Case], None],
    statuses: tuple[int, int],
) -> None:
    who(case)
    assert case.caller is not None
    before, after = statuses
    assert [case.caller.get(path).status for _ in range(2)] == [before, before]
    change(case)
    assert [case.caller.get(path).status for _ in range(2)] == [after, after]
    outcomes = [each[1] for each in case.told()]
    assert outcomes == [before, before, *([] if after == 401 else [after, after])]


MANY = tuple(f"presumed-many-{number}" for number in range(COPIES_MAX + 1))
STRANGER = {"resourceType": "Patient", "id": "x", "name": [{"family": "Other"}]}
RELATIVE = {"resourceType": "RelatedPerson", "id": "x", "patient": {"reference": PATIENT}}


def containing(person: dict[str, Any]) -> Callable[[Case], str]:
    def store(case: Case) -> str:
        pointed = [{"url": "urn:x", "valueReference": {"reference": "#x"}}]
        case.put("Observation", "presumed-c", status="final", code={"text": "c"},
                 subject={"reference": PATIENT}, contained=[person], extension=pointed)  # fmt: skip
        return "Observation/presumed-c"

    return store


def of_many(treated: tuple[str, ...]) -> Callable[[Case], str]:
    def store(case: Case) -> str:
        for patient in MANY:
            case.put("Patient", patient)
        for patient in treated:
            case.team(patient)
        actors = [
            {"actor": {"reference": f"Patient/{each}"}, "status": "accepted"} for each in MANY
        ]
        case.put("Appointment", "presumed-many", status="proposed", participant=actors)
        return "Appointment/presumed-many"

    return store


@pytest.mark.parametrize(
    ("store", "status"),
    [
        pytest.param(containing(STRANGER), 404, id="SEC-E18-contains-somebody-else"),
        pytest.param(containing(RELATIVE), 200, id="SEC-E18-contains-a-relative"),
        pytest.param(of_many(MANY), 200, id="SEC-E7-many-who-are-all-treated"),
        pytest.param(of_many(MANY[1:]), 404, id="SEC-E7-many-but-one"),
    ],
)
def test_what_is_presumed_shows_no_more_and_no_less(
    case: Case, store: Callable[[Case], str], status: int
) -> None:
    """Of what more than compartments decides, the second read finds what the first does."""
    path = store(case)
    PHYSICIAN(case)
    assert case.caller is not None
    assert [case.caller.get(path).status for _ in range(3)] == [status] * 3
    assert [each[1] for each in case.told()] == [status] * 3


def test_each_read_is_told_once_and_of_whom(case: Case) -> None:
    """As what the token stands for when it reads."""
    PHYSICIAN(case)
    assert case.caller is not None
    for path in (OBSERVATION, OBSERVATION, "Observation/presumed-none", OBSERVATION):
        case.caller.get(path)
    case.sql(BREAK)
    case.caller.get(OBSERVATION)
    client = f"presumed-{case.number}"
    assert case.told() == [
        ("read", outcome, case.me, client, purpose)
        for outcome, purpose in ((200, None), (200, None), (404, None), (200, None), (200, "BTG"))
    ]


def test_a_scope_whose_search_parameter_is_gone_grants_nothing_more(case: Case) -> None:
    """SEC-E26: it is asked for again when it is not there."""
    mine = {"status": "active", "description": "d", "base": ["Observation"], "type": "token"}
    mine |= {"url": "http://example.org/presumed-method", "name": "N", "code": "presumed-method"}
    case.put("SearchParameter", "presumed-method", expression="Observation.method", **mine)
    about = {"status": "final", "code": {"text": "c"}}
    method = {"coding": [{"system": "s", "code": "m"}]}
    case.put("Observation", "presumed-m", method=method, **about)
    case.of("system/Observation.rs?presumed-method=m")
    read = case.caller
    assert read is not None
    wait_for(lambda: case.everybody.get("Observation?presumed-method=m").status == 200)
    assert read.get("Observation/presumed-m").status == 200
    assert read.get("Observation/presumed-m").status == 200
    case.everybody.request("DELETE", "SearchParameter/presumed-method")
    assert read.get("Observation/presumed-m").status == 403
