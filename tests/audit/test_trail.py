"""The audit trail as evidence: append-only, sealed in the order of commits, broken where touched.

Spec: 45 CFR 164.312(b), 164.528
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection, errors

from fhirserver.access import AuthContext, allow_all
from fhirserver.audit import Anchor, Broken, audit_event, check_chain
from fhirserver.cli import main
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.interactions import Query, Services
from fhirserver.interactions.read import read
from fhirserver.interactions.search_type import search_type
from fhirserver.interactions.update import update
from fhirserver.jobs.audit_seals import AuditSeals
from fhirserver.secret_file import AUDIT_KEY_FILE, read_or_make
from fhirserver.store.audit_reports import Wanted, find_rows
from fhirserver.store.audit_trail import chain, stray
from fhirserver.store.database import Database, now_us
from fhirserver.validation import validate
from tests.conftest import truncate_all
from tests.waiting import wait_for

NURSE = AuthContext("Practitioner/7", "ward-app", "request-1", "192.0.2.1", token="12")
PATIENT_A = AuthContext("Patient/a", "portal", "request-2")


@pytest.fixture
def services(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    made = Services(r4(), database, Settings(), allow_all, now_us, b"k" * 32)
    for id_ in ("a", "b"):
        update(made, NURSE, "Patient", id_, {"resourceType": "Patient", "id": id_})
        observation = {
            "resourceType": "Observation",
            "id": f"o{id_}",
            "status": "final",
            "code": {"text": "x"},
            "subject": {"reference": f"Patient/{id_}"},
        }
        update(made, NURSE, "Observation", f"o{id_}", observation)
    return made


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as opened:
        yield opened


@pytest.fixture
def sealing(tmp_path: Path, connection: Connection[Any]) -> Callable[[int], None]:
    duty = AuditSeals(Settings(data_dir=str(tmp_path)))

    def seal_up_to(number: int) -> None:
        """What others of the cluster are writing holds it up."""

        def enough() -> bool:
            with connection.transaction():
                duty.step(connection)
            row = connection.execute("SELECT count(*) FROM audit_seal").fetchone()
            return row is not None and row[0] >= number

        wait_for(enough)

    return seal_up_to


def check(
    connection: Connection[Any], folder: Path, anchors: tuple[Anchor, ...] = ()
) -> tuple[int, Broken | None]:
    with connection.transaction():
        return check_chain(read_or_make(folder / AUDIT_KEY_FILE), chain(connection), anchors)


def tamper(connection: Connection[Any], statement: str) -> None:
    """Change what is stored as somebody does who owns the tables."""
    connection.execute("SET session_replication_role = replica")
    connection.execute(statement.encode())
    connection.execute("RESET session_replication_role")


_EMPTY_MONTH = """
DO $$ BEGIN
PERFORM audit_partition({day});
EXECUTE 'TRUNCATE ' || to_char({day}, '"audit_"YYYY_MM');
END $$
"""
THIS_MONTH = _EMPTY_MONTH.format(day="current_date")
NEXT_YEAR = _EMPTY_MONTH.format(day="(current_date + 366)")


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE audit SET actor = 'nobody'", id="SEC-T11/update"),
        pytest.param("DELETE FROM audit", id="SEC-T11/delete"),
        pytest.param("DELETE FROM audit_seal", id="SEC-T11/delete-seal"),
        pytest.param("DELETE FROM audit_patient", id="SEC-T11/delete-patient"),
        pytest.param("TRUNCATE audit", id="SEC-T11/empty"),
        pytest.param("TRUNCATE audit_default", id="SEC-T11/empty-partition"),
        pytest.param(THIS_MONTH, id="SEC-T11/empty-month"),
        pytest.param(NEXT_YEAR, id="SEC-T11/empty-month-to-come"),
        pytest.param("TRUNCATE audit_seal", id="SEC-T11/empty-seals"),
        pytest.param("TRUNCATE audit_patient", id="SEC-T11/empty-patients"),
    ],
)
def test_the_trail_is_append_only(
    services: Services, sealing: Callable[[int], None], connection: Connection[Any], statement: str
) -> None:
    assert services
    sealing(4)
    with pytest.raises(errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def test_every_row_is_sealed_once_in_the_order_of_commits(
    services: Services,
    sealing: Callable[[int], None],
    connection: Connection[Any],
    database_url: str,
    tmp_path: Path,
) -> None:
    sealing(4)
    with psycopg.connect(database_url) as slow:
        slow.execute(
            "INSERT INTO audit (outcome, interaction, actor, client, request_id, address)"
            " VALUES (200, 'login', 'slow', '', '', '')"
        )
        read(services, NURSE, "Patient", "a")
        sealing(4)
        assert check(connection, tmp_path) == (4, None)  # what is newer than `slow` waits for it
    read(services, NURSE, "Patient", "b")
    sealing(7)
    sealing(7)
    assert check(connection, tmp_path) == (7, None)
    assert stray(connection) is None


TAMPERED = [
    pytest.param("UPDATE audit SET actor = 'x' WHERE id = 'oa'", "row edited", 2, id="edit"),
    pytest.param("UPDATE audit SET at = at + interval '1 s' WHERE id = 'oa'", "row missing", 2,
                 id="move-in-time"),
    pytest.param("DELETE FROM audit WHERE id = 'oa'", "row missing", 2, id="delete-row"),
    pytest.param("DELETE FROM audit_seal WHERE number = 2", "seal missing", 2, id="delete-seal"),
    pytest.param(
        "DELETE FROM audit USING audit_seal s WHERE s.entry = audit.entry AND number = 2;"
        "DELETE FROM audit_seal WHERE number = 2;"
        "UPDATE audit_seal SET number = number - 1 WHERE number > 2",
        "row edited", 2, id="delete-both-and-renumber",
    ),
    pytest.param(
        "UPDATE audit_seal SET entry = -1 WHERE number = 2;"
        "UPDATE audit_seal SET (entry, at) = (SELECT entry, at FROM audit WHERE id = 'oa')"
        " WHERE number = 3;"
        "UPDATE audit_seal SET (entry, at) = (SELECT entry, at FROM audit WHERE id = 'b')"
        " WHERE number = 2",
        "row edited", 2, id="reorder",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "rule", "number"), TAMPERED)
def test_the_chain_breaks_where_the_trail_was_touched(  # noqa: PLR0917 - fixtures and a row
    services: Services,
    sealing: Callable[[int], None],
    connection: Connection[Any],
    tmp_path: Path,
    statement: str,
    rule: str,
    number: int,
) -> None:
    """SEC-T12: edit, delete, reorder."""
    assert services
    sealing(4)
    for each in statement.split(";"):
        tamper(connection, each)
    held, broken = check(connection, tmp_path)
    assert broken is not None
    assert (held, broken.number, broken.rule) == (number - 1, number, rule)


def test_an_anchor_shows_that_the_end_was_cut_off(
    services: Services, sealing: Callable[[int], None], connection: Connection[Any], tmp_path: Path
) -> None:
    """SEC-T12: truncation needs what is kept elsewhere."""
    assert services
    sealing(4)
    (digest,) = connection.execute("SELECT digest FROM audit_seal WHERE number = 4").fetchone() or (
        b"",
    )
    anchors = (Anchor(4, digest),)
    assert check(connection, tmp_path, anchors) == (4, None)
    tamper(connection, "DELETE FROM audit WHERE id = 'ob'")
    tamper(connection, "DELETE FROM audit_seal WHERE number = 4")
    assert check(connection, tmp_path) == (3, None)
    assert check(connection, tmp_path, anchors) == (3, Broken(4, 0, "end cut off"))


def test_a_row_put_in_behind_the_chain_is_found(
    services: Services, sealing: Callable[[int], None], connection: Connection[Any]
) -> None:
    assert services
    sealing(4)
    connection.execute(
        "INSERT INTO audit (xact, outcome, interaction, actor, client, request_id, address)"
        " VALUES ('3', 200, 'read', 'forged', '', '', '')"
    )
    sealing(4)
    found = stray(connection)
    assert found is not None


def test_the_trail_goes_on_after_a_restore(
    services: Services, sealing: Callable[[int], None], connection: Connection[Any], tmp_path: Path
) -> None:
    """A restored dump's transactions are all equally old; what was not sealed yet still is."""
    sealing(4)
    read(services, NURSE, "Patient", "a")
    connection.execute("UPDATE audit SET xact = '3'")
    connection.execute("UPDATE audit_position SET xact = '3'")
    sealing(5)
    read(services, NURSE, "Patient", "b")
    sealing(6)
    assert check(connection, tmp_path) == (6, None)


def patients_told(connection: Connection[Any], **wanted: Any) -> list[tuple[str, tuple[str, ...]]]:
    with connection.transaction():
        rows = find_rows(connection, Wanted(**wanted), r4().type_id("Patient"))
        return [(row.said["interaction"], patients) for row, patients in rows]


def test_reports_name_whose_records_were_touched(
    services: Services, sealing: Callable[[int], None], connection: Connection[Any]
) -> None:
    """SEC-T13: by patient, by user, and without what the patient did."""
    search_type(services, NURSE, "Observation", Query((("status", "final"),)))
    read(services, PATIENT_A, "Observation", "oa")
    sealing(6)
    assert patients_told(connection, patient="a") == [
        ("update", ("a",)),
        ("update", ("a",)),
        ("search-type", ("a", "b")),
        ("read", ("a",)),
    ]
    assert [name for name, _ in patients_told(connection, patient="a", others=True)] == [
        "update", "update", "search-type",
    ]  # fmt: skip
    assert patients_told(connection, actor="Patient/a") == [("read", ("a",))]
    assert patients_told(connection, patient="b", limit=1) == [("search-type", ("a", "b"))]


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param((("_id", "oc"), ("_include", "Observation:focus")), id="include"),
        pytest.param((("patient", "a"), ("_include", "Observation:focus")), id="in-a-compartment"),
        pytest.param((("_id", "oc"), ("_include", "Observation:focus"), ("_count", "1")), id="cut"),
    ],
)
def test_what_a_page_includes_is_told(
    services: Services,
    sealing: Callable[[int], None],
    connection: Connection[Any],
    pairs: tuple[tuple[str, str], ...],
) -> None:
    """SEC-T10: the row names it, and it is found by the patient who was shown."""
    observation = {
        "resourceType": "Observation",
        "id": "oc",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/a"},
        "focus": [{"reference": "Patient/b"}],
    }
    update(services, NURSE, "Observation", "oc", observation)
    search_type(services, NURSE, "Observation", Query(pairs))
    sealing(6)
    assert patients_told(connection, patient="b")[-1] == ("search-type", ("a", "b"))
    matches = "SELECT count(*), min(matches) FROM audit WHERE interaction = 'search-type'"
    assert connection.execute(matches).fetchone() == (1, 2 if pairs[0][0] == "patient" else 1)


def test_what_refers_to_a_page_is_told(
    services: Services, sealing: Callable[[int], None], connection: Connection[Any]
) -> None:
    """SEC-T10: `_revinclude`, beside matches and their number."""
    search_type(services, NURSE, "Patient", Query((("_revinclude", "Observation:subject"),)))
    sealing(5)
    row = connection.execute(
        "SELECT matches, (SELECT array_agg(r.id ORDER BY r.id) FROM resource r"
        " WHERE r.rid = ANY(a.rids)) FROM audit a WHERE interaction = 'search-type'"
    ).fetchone()
    assert row == (2, ["a", "b", "oa", "ob"])


def test_rows_become_audit_events(
    services: Services, sealing: Callable[[int], None], connection: Connection[Any]
) -> None:
    """SEC-T10: the shape of IHE's Basic Audit Log Patterns, valid as R4."""
    search_type(services, NURSE, "Observation", Query((("status", "final"),)))
    read(services, NURSE, "Patient", "a")
    sealing(6)
    with connection.transaction():
        rows = list(find_rows(connection, Wanted(), r4().type_id("Patient")))
    events = [audit_event(row.said, who, r4(), "http://fhir.example/fhir") for row, who in rows]
    for event in events:
        assert [each for each in validate(event) if each.severity == "error"] == []
    profiles = [event["meta"]["profile"][0].rpartition(".")[2] for event in events]
    assert profiles == ["PatientUpdate"] * 4 + ["PatientQuery", "PatientRead"]
    query, reading = events[-2:]
    assert [each["what"]["reference"] for each in query["entity"][:2]] == ["Patient/a", "Patient/b"]
    assert query["entity"][2]["query"] == "T2JzZXJ2YXRpb24/c3RhdHVzPWZpbmFs"
    assert reading["agent"][2]["who"] == {"reference": "Practitioner/7"}
    assert reading["agent"][2]["policy"] == ["urn:fhirserver:access-token:12"]
    assert reading["entity"][-1]["what"]["identifier"]["value"] == "request-1"


def test_the_command_tells_whether_the_seals_hold(
    services: Services,
    sealing: Callable[[int], None],
    connection: Connection[Any],
    tmp_path: Path,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert services
    sealing(4)
    store = ["--database-url", database_url, "--data-dir", str(tmp_path)]
    assert main(["audit", "anchor", *store]) == 0
    (tmp_path / "anchors").write_text(capsys.readouterr().out)
    verify = ["audit", "verify", *store, "--anchors", str(tmp_path / "anchors")]
    assert (main(verify), capsys.readouterr().out) == (0, "4 seals hold\n")
    assert main(["audit", "report", "patient", "a", *store]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert ",update,201,Practitioner/7,ward-app,192.0.2.1,a,Observation/oa," in lines[2]
    tamper(connection, "UPDATE audit SET actor = 'x' WHERE id = 'oa'")
    assert main(verify) == 1
    assert capsys.readouterr().out.startswith("broken at seal 2, row ")
