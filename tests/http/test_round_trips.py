"""How often a request asks PostgreSQL: counted in what goes over the wire.

Each statement ends with a Sync (PostgreSQL's protocol, "Extended Query"), and is waited for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fhirserver.access import AuthContext, Policy, allow_all, smart_policy
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.http.application import FhirApplication, presume_nothing
from fhirserver.http.bearer import BearerAuthentication, anonymous
from fhirserver.http.request import BytesBody, HeaderMap, Request
from fhirserver.interactions import Services
from fhirserver.interactions.update import update
from fhirserver.smart import clients, tokens
from fhirserver.smart.clients import Client
from fhirserver.smart.grants import TokenGrant
from fhirserver.store.database import Database, now_us

BASE = "http://127.0.0.1:8080/fhir"
STORED = [
    {"resourceType": "Patient", "id": "a"},
    {"resourceType": "Practitioner", "id": "me"},
    {"resourceType": "CareTeam", "id": "t", "status": "active",
     "subject": {"reference": "Patient/a"},
     "participant": [{"member": {"reference": "Practitioner/me"}}]},
    {"resourceType": "Observation", "id": "o", "status": "final", "code": {"text": "c"},
     "subject": {"reference": "Patient/a"}},
]  # fmt: skip
_ACCOUNT = """
INSERT INTO account (id, username, name, role, fhir_user, created, password, must_change)
VALUES (%s, %s, %s, %s, %s, 0, '', false)
"""


def services_of(database: Database, policy: Policy = allow_all) -> Services:
    return Services(r4(), database, Settings(public_url=BASE), policy, now_us, b"k" * 32)


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """One connection, so that it is known which."""
    with closing(Database(database_url, max_size=1)) as opened:
        yield opened


@pytest.fixture(scope="module")
def secrets(database: Database) -> dict[str, str]:
    """Tokens by whose they are; "" for nobody's."""
    for each in STORED:
        operator = AuthContext("operator", "tests", "request-1")
        update(services_of(database), operator, each["resourceType"], each["id"], each)
    given = {"nobody": ""}
    with database.connection() as connection:
        clients.add(connection, Client("c", "c", "public", scopes=""), ())
        for role, user in (("physician", "Practitioner/me"), ("patient", "Patient/a")):
            connection.execute(_ACCOUNT, (role, role, role, role, user))
    for name, scopes, account, patient in (
        ("program", "system/*.rs", None, None),
        ("physician", "user/*.rs", "physician", None),
        ("patient", "patient/*.rs", "patient", "a"),
    ):
        grant = TokenGrant("c", BASE, scopes, account, None, patient)
        given[name] = tokens.issue(database, grant, now_us=now_us()).secret
    return given


@pytest.mark.parametrize("name", ["nobody", "program", "physician", "patient"])
@pytest.mark.parametrize("place", ["Patient/a", "Observation/o"])
def test_a_read_asks_once_whoever_reads(
    database: Database, secrets: dict[str, str], tmp_path: Path, name: str, place: str
) -> None:
    """Not the first one of a token, which asks who that is, nor where a statement is prepared."""
    services = services_of(database, smart_policy if secrets[name] else allow_all)
    callers = BearerAuthentication(services) if secrets[name] else None
    application = FhirApplication(
        services,
        authenticate=callers or anonymous,
        presume=callers.presume if callers else presume_nothing,
    )
    for _ in range(2):
        read(application, place, secrets[name])
    with database.connection() as connection:
        link = connection.pgconn
    with (tmp_path / "wire").open("w+") as wire:
        link.trace(wire.fileno())
        read(application, place, secrets[name])
        link.untrace()
        wire.seek(0)
        assert wire.read().count("Sync") == 1


def updated(number: int) -> dict[str, Any]:
    """Make an entry that changes something each time."""
    patient = {"resourceType": "Patient", "multipleBirthInteger": now_us() % 1_000_000_000,
               "identifier": [{"system": "s", "value": str(number)}]}  # fmt: skip
    request = {"method": "PUT", "url": f"Patient?identifier=s|{number}"}
    return {"resource": patient, "request": request}


def referring(number: int) -> dict[str, Any]:
    subject = {"reference": f"Patient?identifier=s|{number}"}
    basic = {"resourceType": "Basic", "code": {"text": "c"}, "subject": subject}
    return {"resource": basic, "request": {"method": "POST", "url": "Basic"}}


@pytest.mark.parametrize(
    ("entry", "each"),
    [
        pytest.param(updated, 1, id="updates: the lock of each"),
        pytest.param(referring, 0, id="references"),
    ],
)
def test_a_transaction_searches_once_for_many_conditions(
    database: Database, tmp_path: Path, entry: Callable[[int], dict[str, Any]], each: int
) -> None:
    """Where each is one token of the same parameter."""
    application = FhirApplication(
        services_of(database), authenticate=anonymous, presume=presume_nothing
    )
    send(application, [updated(number) for number in range(40)])
    counts = []
    for most in (2, 40):
        for _ in range(6):  # until everything is prepared
            send(application, [entry(number) for number in range(most)])
        with database.connection() as connection:
            link = connection.pgconn
        with (tmp_path / "wire").open("w+") as wire:
            link.trace(wire.fileno())
            send(application, [entry(number) for number in range(most)])
            link.untrace()
            wire.seek(0)
            counts.append(wire.read().count("ReadyForQuery"))
    assert counts[1] - counts[0] == each * (40 - 2)


def send(application: FhirApplication, entries: list[dict[str, Any]]) -> None:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    headers = HeaderMap({"host": "127.0.0.1", "content-type": "application/fhir+json"})
    body = BytesBody(json.dumps(bundle).encode())
    request = Request("POST", "/", "", headers, body, "127.0.0.1", "r")
    assert application.handle(request).status == 200


def read(application: FhirApplication, place: str, secret: str) -> None:
    sent = {"host": "127.0.0.1"} | ({"authorization": f"Bearer {secret}"} if secret else {})
    request = Request("GET", f"/{place}", "", HeaderMap(sent), BytesBody(), "127.0.0.1", "r")
    assert application.handle(request).status == 200
