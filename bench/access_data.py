"""Who asks in the bench of access, what for, and what PostgreSQL counts of it."""

import json
import random
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from client import request
from cpu import Spent, spent_below
from server import command

from fhirserver.model.json import JsonObject, write_json

CODE = "http://loinc.org|8867-4"
TEAM = 100
_LEAD = "team-lead"
_FLUSHED_S = 0.5
_END = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'fhirserver'"
)
"""Backends tell what they have counted as they end; the servers open others."""
_DROP = """
CREATE OR REPLACE FUNCTION bench_drop() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER a_bench_drop BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION bench_drop();
"""
_COUNT = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"


@dataclass(frozen=True)
class Caller:
    """Who asks one of the two servers.

    Attributes:
        name: "open" without a token.
        port: on 127.0.0.1.
        pid: of the server's supervisor.
        owner: of the supervisor whose PostgreSQL it asks.
        patients, observations: ids within reach, of everybody's for the open server.
        secret: the token; "" for none.
    """

    name: str
    port: int
    pid: int
    owner: int
    patients: tuple[str, ...]
    observations: tuple[str, ...]
    secret: str = ""

    def get(self, path: str) -> bytes:
        """Write a request."""
        header = f"Authorization: Bearer {self.secret}\r\n" if self.secret else ""
        return request("GET", f"/fhir/{path}", headers=header)

    def spent(self) -> Spent:
        """Read the CPU time of its server and of the PostgreSQL that it asks."""
        return Spent(spent_below(self.pid).server, spent_below(self.owner).postgres)


def known_caller(
    name: str, port: int, pid: int, secret: str = "", *, owner: int | None = None
) -> Caller:
    """Make a caller, and look what it reaches; `owner` where PostgreSQL is another server's."""
    patients, observations = (
        tuple(_found(port, secret, type_)) for type_ in ("Patient", "Observation")
    )
    return Caller(name, port, pid, owner or pid, patients, observations, secret)


def add_team(data_dir: Path, port: int, patients: tuple[str, ...]) -> None:
    """Store care teams of one physician, one for each patient, and make the physician's account."""
    lead = {"resourceType": "Practitioner", "id": _LEAD, "name": [{"family": "Lead"}]}
    teams = [
        {
            "resourceType": "CareTeam",
            "id": f"team-{patient}",
            "status": "active",
            "subject": {"reference": f"Patient/{patient}"},
            "participant": [{"member": {"reference": f"Practitioner/{_LEAD}"}}],
        }
        for patient in patients
    ]
    _store(port, [lead, *teams])
    words = ("--role", "physician", "--name", "Lead", "--fhir-user", f"Practitioner/{_LEAD}")
    command("user", "add", "--data-dir", str(data_dir), *words, _LEAD)


def token(data_dir: Path, *words: str) -> str:
    """Issue an access token."""
    return command("token", "--data-dir", str(data_dir), "--minutes", "240", *words).strip()


def team_token(data_dir: Path) -> str:
    """Issue a token of the physician with the care teams."""
    return token(data_dir, "--user", _LEAD)


@contextmanager
def audit_dropped(database: str) -> Iterator[None]:
    """Let the audit write nothing for a while."""
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(_DROP)
        try:
            yield
        finally:
            connection.execute("DROP TRIGGER a_bench_drop ON audit")


def statements(database: str, ask: Callable[[float], int]) -> float:
    """Count the statements that each request takes, once connections have prepared theirs.

    Args:
        database: URL.
        ask: sends requests for so many seconds and gives their number.
    """
    with psycopg.connect(database, autocommit=True) as connection:
        counts, asked = [_count(connection)], []
        for seconds in (0.2, 1.0):
            asked.append(ask(seconds))
            counts.append(_count(connection))
    begun, few, many = counts
    return (many - few - (few - begun)) / (asked[1] - asked[0])


def _count(connection: psycopg.Connection) -> int:
    connection.execute(_END)
    time.sleep(_FLUSHED_S)
    return int(connection.execute(_COUNT).fetchone()[0])


def reads(caller: Caller, type_: str) -> Callable[[], str]:
    """Give what gives the next read of a resource within reach."""
    chance = random.Random(1)
    ids = caller.patients if type_ == "Patient" else caller.observations
    return lambda: f"{type_}/{chance.choice(ids)}"


def searches(patients: tuple[str, ...]) -> dict[str, Callable[[], str]]:
    """Give kinds of searches, each with what gives the next one."""
    chance = random.Random(1)
    newest = "_sort=-date&_count=20"
    return {
        "patient + code, newest": lambda: (
            f"Observation?patient={chance.choice(patients)}&code={CODE}&{newest}"
        ),
        "code, newest 20": lambda: f"Observation?code={CODE}&{newest}",
        "newest 20": lambda: f"Observation?{newest}",
    }


def _found(port: int, secret: str, type_: str) -> list[str]:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    url = f"http://127.0.0.1:{port}/fhir/{type_}?_count=500&_elements=id"
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
        bundle = json.load(answer)
    return [entry["resource"]["id"] for entry in bundle["entry"]]


def _store(port: int, resources: list[JsonObject]) -> None:
    entries = [
        {
            "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
        }
        for each in resources
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    headers = {"Content-Type": "application/fhir+json"}
    url = f"http://127.0.0.1:{port}/fhir"
    urllib.request.urlopen(urllib.request.Request(url, write_json(bundle), headers)).close()
