"""Parameters of one's own: no writer leaves one out, no reader takes a half-indexed one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from fhirserver.definitions import Definitions
from fhirserver.errors import UnprocessableError
from fhirserver.model.json import JsonObject
from fhirserver.search.extract import IndexRows, extract, extractor_of
from fhirserver.store.database import Database
from fhirserver.store.search_registry import read_status
from fhirserver.store.search_reindex import search_parameter_step
from fhirserver.store.verify import Report, verify
from fhirserver.store.write import write
from tests.store.resources import AUDIT, delete, patient, put


def own(id: str = "sp", expression: str = "Patient.name.use", **more: Any) -> JsonObject:
    return {
        "resourceType": "SearchParameter",
        "id": id,
        "url": f"http://example.org/{id}",
        "name": "Own",
        "status": "active",
        "description": "own",
        "code": "own",
        "base": ["Patient"],
        "type": "token",
        "expression": expression,
        **more,
    }


def named(id: str, use: str = "old") -> JsonObject:
    return patient(id) | {"name": [{"family": "F", "use": use, "given": [f"given-{use}"]}]}


def rows_of(resource: JsonObject, definitions: Definitions) -> IndexRows:
    return extract(resource, definitions=definitions, base_url=None)


def step(database: Database, **options: Any) -> bool:
    return search_parameter_step(database, rows_of, **{"grace_s": 0.0, **options})


def settle(database: Database, **options: Any) -> None:
    while any(state != "active" for _, state in states(database)):
        step(database, **options)


def states(database: Database) -> list[tuple[str, str]]:
    with database.connection() as connection:
        return [(each.id, each.state) for each in read_status(connection)]


def codes(sql: psycopg.Connection[Any], sp: int | None = None) -> list[str]:
    """List what the index holds under numbers of one's own."""
    rows = sql.execute(
        "SELECT code FROM token WHERE sp BETWEEN 4000 AND 7999 AND (sp = %(sp)s OR %(sp)s IS NULL)"
        " ORDER BY code",
        {"sp": sp},
    )
    return [code for (code,) in rows]


def check(database: Database) -> Report:
    definitions = database.current_definitions()
    return verify(
        database.url,
        definitions,
        extract=lambda resource: rows_of(resource, definitions),
        extractor=extractor_of(definitions),
    )


@pytest.fixture
def other(database_url: str) -> Iterator[Database]:
    """Another process, with a mind of its own."""
    opened = Database(database_url)
    yield opened
    opened.close()


def test_what_was_there_before_is_indexed_step_by_step(
    empty: Database, sql: psycopg.Connection[Any]
) -> None:
    write(empty, [put(named(f"p{n}")) for n in range(5)], AUDIT)
    write(empty, [put(own())], AUDIT)
    assert states(empty) == [("sp", "waiting")]
    assert codes(sql) == []
    found = []
    while states(empty) != [("sp", "active")]:
        if step(empty, count=2):
            found.append((states(empty)[0][1], len(codes(sql))))
    assert found == [("indexing", 2), ("indexing", 4), ("indexing", 5), ("active", 5)]
    assert check(empty).findings == []
    parameter = empty.current_definitions().search_parameters("Patient")["own"]
    assert (parameter.pending, parameter.implicit_system) == (None, "http://hl7.org/fhir/name-use")


def test_it_is_pending_until_everything_is_indexed(empty: Database) -> None:
    write(empty, [put(named("p"))], AUDIT)
    write(empty, [put(own())], AUDIT)
    pending = empty.current_definitions().search_parameters("Patient")["own"].pending
    settle(empty)
    assert pending == "sp"
    assert empty.current_definitions().search_parameters("Patient")["own"].pending is None


def test_a_writer_that_knows_nothing_of_it_indexes_it_all_the_same(
    empty: Database, other: Database, sql: psycopg.Connection[Any]
) -> None:
    write(other, [put(named("before"))], AUDIT)
    write(empty, [put(own())], AUDIT)
    settle(empty)
    assert other.definitions.registry == 0
    write(other, [put(named("after", "nickname"))], AUDIT)
    write(other, [put(named("before", "maiden"))], AUDIT)
    assert codes(sql) == ["maiden", "nickname"]
    assert check(other).findings == []


def test_indexing_waits_for_writers_that_saw_what_was_before(
    empty: Database, database_url: str
) -> None:
    with psycopg.connect(database_url) as slow:
        # What a write statement does first.
        slow.execute("SELECT search_registry_version()")
        write(empty, [put(own())], AUDIT)
        assert not step(empty)
        assert not step(empty)
        assert states(empty) == [("sp", "waiting")]
    settle(empty)
    assert states(empty) == [("sp", "active")]


def test_a_number_of_another_cluster_keeps_nothing_waiting(
    empty: Database, sql: psycopg.Connection[Any]
) -> None:
    """As after a restore from a dump."""
    write(empty, [put(own())], AUDIT)
    sql.execute("UPDATE search_parameter SET horizon = '9000000000000000'")
    settle(empty)
    assert states(empty) == [("sp", "active")]


def test_the_version_is_read_after_the_transaction_has_its_number(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SELECT search_registry_version()")
        row = connection.execute("SELECT pg_current_xact_id_if_assigned()").fetchone()
    assert row is not None
    assert row[0] is not None


def test_writers_at_work_leave_no_gap(
    empty: Database, database_url: str, sql: psycopg.Connection[Any]
) -> None:
    """Writers with caches of their own write on while it is defined, changed and dropped."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def work(worker: int) -> None:
        mine = Database(database_url, max_size=2, timeout_s=60)
        number = 0
        try:
            while not stop.is_set():
                number += 1
                use = ("old", "usual", "nickname")[number % 3]
                write(mine, [put(named(f"w{worker}-{number % 40}", use))], AUDIT)
        except BaseException as error:  # noqa: BLE001 - told to the test's thread
            failures.append(error)
        finally:
            mine.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    try:
        for expression in ("Patient.name.given", "Patient.name.family"):
            write(empty, [put(own(expression=expression, type="string"))], AUDIT)
            settle(empty, count=10)
        write(empty, [delete("SearchParameter", "sp")], AUDIT)
        write(empty, [put(own("next"))], AUDIT)
        settle(empty, count=10)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert failures == []
    assert check(empty).findings == []
    patients = sql.execute("SELECT count(*) FROM resource WHERE starts_with(id, 'w')").fetchone()
    assert patients == (len(codes(sql)),)


def test_a_changed_definition_is_another_parameter_and_the_old_rows_go(
    empty: Database, sql: psycopg.Connection[Any]
) -> None:
    write(empty, [put(named("p"))], AUDIT)
    write(empty, [put(own())], AUDIT)
    settle(empty)
    first = empty.current_definitions().search_parameters("Patient")["own"].id
    write(empty, [put(own(expression="Patient.name.family", type="string"))], AUDIT)
    changed = empty.current_definitions().search_parameters("Patient")["own"]
    assert (changed.id != first, changed.pending) == (True, "sp")
    assert codes(sql, first) == ["old"]
    settle(empty)
    assert codes(sql, first) == []
    assert states(empty) == [("sp", "active")]
    assert check(empty).findings == []


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(delete("SearchParameter", "sp"), id="deleted"),
        pytest.param(put(own(status="retired")), id="retired"),
    ],
)
def test_it_goes_at_once_and_its_rows_later(
    empty: Database, other: Database, sql: psycopg.Connection[Any], end: Any
) -> None:
    write(empty, [put(named("p"))], AUDIT)
    write(empty, [put(own())], AUDIT)
    settle(empty)
    assert "own" in other.current_definitions().search_parameters("Patient")
    write(empty, [end], AUDIT)
    assert "own" not in other.current_definitions().search_parameters("Patient")
    assert not step(empty, grace_s=300.0)
    assert codes(sql) == ["old"]
    settle(empty)
    assert codes(sql) == []
    assert states(empty) == []
    assert check(empty).findings == []


def test_what_does_not_change_the_parameter_starts_nothing(empty: Database) -> None:
    write(empty, [put(own())], AUDIT)
    settle(empty)
    before = empty.current_definitions().registry
    write(empty, [put(own(description="told better"))], AUDIT)
    assert states(empty) == [("sp", "active")]
    assert empty.current_definitions().registry == before


def test_a_code_has_one_definition(empty: Database) -> None:
    write(empty, [put(own())], AUDIT)
    with pytest.raises(UnprocessableError, match="defined by SearchParameter/sp already"):
        write(empty, [put(own("second"))], AUDIT)
    write(empty, [delete("SearchParameter", "sp"), put(own("second"))], AUDIT)
    assert states(empty) == [("second", "waiting"), ("sp", "retired")]


def test_a_code_has_one_definition_in_a_transaction_too(empty: Database) -> None:
    with pytest.raises(UnprocessableError, match="is defined by SearchParameter/sp already"):
        write(empty, [put(own()), put(own("second"))], AUDIT)
    assert states(empty) == []


def test_the_number_of_parameters_has_a_limit(
    empty: Database, sql: psycopg.Connection[Any]
) -> None:
    sql.execute(
        "INSERT INTO search_parameter (sp, base, code, id, entry, state)"
        " SELECT n, 'Patient', 'c' || n, 'x', '{}', 'retired' FROM generate_series(4000, 7999) n"
    )
    with pytest.raises(UnprocessableError, match="4000 search parameters of one's own"):
        write(empty, [put(own())], AUDIT)
    sql.execute("DELETE FROM search_parameter WHERE sp = 5000")
    write(empty, [put(own())], AUDIT)
    assert empty.current_definitions().search_parameters("Patient")["own"].id == 5000


def test_references_that_only_it_covers_still_hold_their_target(empty: Database) -> None:
    """Whether the parameter is there, or gone with its rows."""
    url = "http://example.org/kin"
    kin = {"url": url, "valueReference": {"reference": "Patient/b"}}
    write(
        empty,
        [
            put(own(expression=f"Patient.extension('{url}').value", type="reference")),
            put(patient("b")),
        ],
        AUDIT,
    )
    settle(empty)
    write(empty, [put(patient("a", extension=[kin]))], AUDIT)
    for _ in range(2):
        with pytest.raises(Exception, match="Patient/a"):
            write(empty, [delete("Patient", "b")], AUDIT)
        write(empty, [delete("SearchParameter", "sp")], AUDIT)
        settle(empty)
    assert check(empty).findings == []
