"""Creates, updates and deletes: versions, preconditions, references, compartments, rows."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from fhirserver.errors import ConflictError, PreconditionFailedError
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.store.database import Database
from fhirserver.store.packed_keys import PackedKeys, QuantityKey, pack, unpack
from fhirserver.store.read import count_types, read, read_many, vread
from fhirserver.store.schema import INDEX_TABLES
from fhirserver.store.write import Change, run_write, write
from tests.store.resources import AUDIT, delete, observation, patient, post, put

Sql = psycopg.Connection[Any]


def body_of(database: Database, type: str, id: str) -> JsonObject:
    stored = read(database, type, id, AUDIT)
    assert stored is not None
    assert stored.body is not None
    content: JsonObject = parse_json(stored.body)
    return content


def count(sql: Sql, table: str, where: str = "true") -> int:
    row = sql.execute(f"SELECT count(*) FROM {table} WHERE {where}".encode()).fetchone()
    assert row is not None
    found: int = row[0]
    return found


def test_create_update_delete_revive_make_versions_without_gaps(empty: Database) -> None:
    outcomes = [
        write(empty, [change], AUDIT)[0]
        for change in (
            put(patient("p")),
            put(patient("p", "Windsor")),
            delete("Patient", "p"),
            put(patient("p", "Levin")),
        )
    ]
    assert [each.stored.version for each in outcomes] == [1, 2, 3, 4]
    assert [each.created for each in outcomes] == [True, False, False, True]
    instants = [each.stored.updated_us for each in outcomes]
    assert instants == sorted(set(instants))
    for version, family in ((1, "Chalmers"), (2, "Windsor"), (4, "Levin")):
        stored = vread(empty, "Patient", "p", version, AUDIT)
        assert stored is not None
        assert stored.body is not None
        assert f'"{family}"'.encode() in stored.body
        assert f'"versionId":"{version}"'.encode() in stored.body
    gone = vread(empty, "Patient", "p", 3, AUDIT)
    assert gone is not None
    assert gone.deleted
    assert gone.method == "DELETE"
    assert vread(empty, "Patient", "p", 5, AUDIT) is None
    assert vread(empty, "Patient", "p", 0, AUDIT) is None


def test_last_updated_increases_though_the_clock_stands_still(database_url: str) -> None:
    stopped = Database(database_url, clock=lambda: 1_700_000_000_000_000)
    instants = [
        write(stopped, [put(patient("slow", str(n)))], AUDIT)[0].stored.updated_us for n in range(3)
    ]
    stopped.close()
    assert instants == [1_700_000_000_000_000 + n for n in range(3)]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({"resourceType": "Patient", "active": True}, id="neither id nor meta"),
        pytest.param(
            {"resourceType": "Patient", "meta": {"tag": [{"code": "x"}], "versionId": "9"}},
            id="meta of its own",
        ),
        pytest.param(
            {"meta": {"source": "#a"}, "id": "x", "resourceType": "Patient"}, id="another order"
        ),
        pytest.param(
            {
                "resourceType": "Patient",
                "extension": [{"url": "u", "valueDecimal": Decimal("1.00")}],
            },
            id="decimal digits",
        ),
        pytest.param({"resourceType": "Patient", "name": [{"text": "Zoë 王 🩺"}]}, id="Unicode"),
    ],
)
def test_stored_content_is_what_was_sent_plus_id_and_meta(
    empty: Database, content: JsonObject
) -> None:
    sent = {**content, "id": "x"}
    rows = put(sent).rows
    stored = write(empty, [Change("Patient", "x", "PUT", content, rows)], AUDIT)[0].stored
    found = body_of(empty, "Patient", "x")
    assert found["meta"]["versionId"] == "1"
    assert len(found["meta"]["lastUpdated"]) == 27
    meta = {**content.get("meta", {})} | {
        key: found["meta"][key] for key in ("versionId", "lastUpdated")
    }
    assert found == {**content, "id": "x", "meta": meta}
    rest = [key for key in content if key not in ("id", "meta")]
    assert [key for key in found if key not in ("id", "meta")] == rest
    assert stored.body is not None
    assert json.loads(stored.body) is not None


def test_if_match_lets_only_the_named_version_change(empty: Database) -> None:
    write(empty, [put(patient("p"))], AUDIT)
    write(empty, [put(patient("p", "B"), expected=frozenset({1, 7}))], AUDIT)
    with pytest.raises(PreconditionFailedError, match="version 2 is stored"):
        write(empty, [put(patient("p", "C"), expected=frozenset({1}))], AUDIT)
    with pytest.raises(PreconditionFailedError):
        write(empty, [delete("Patient", "p", expected=frozenset({1}))], AUDIT)
    with pytest.raises(PreconditionFailedError):
        write(empty, [put(patient("other"), expected=frozenset({1}))], AUDIT)
    assert body_of(empty, "Patient", "p")["name"] == [{"family": "B"}]


def test_create_only_refuses_what_exists_but_not_what_is_deleted(empty: Database) -> None:
    write(empty, [put(patient("p"), create_only=True)], AUDIT)
    with pytest.raises(PreconditionFailedError):
        write(empty, [put(patient("p"), create_only=True)], AUDIT)
    write(empty, [delete("Patient", "p")], AUDIT)
    assert write(empty, [put(patient("p"), create_only=True)], AUDIT)[0].stored.version == 3


def test_deleting_what_is_not_there_changes_nothing(empty: Database, sql: Sql) -> None:
    assert not write(empty, [delete("Patient", "never")], AUDIT)[0].changed
    write(empty, [put(patient("p"))], AUDIT)
    write(empty, [delete("Patient", "p")], AUDIT)
    again = write(empty, [delete("Patient", "p")], AUDIT)[0]
    assert not again.changed
    assert again.stored.version == 2
    assert count(sql, "outbox") == 2
    assert count(sql, "audit") == 4


def test_reference_to_nothing_is_refused_with_path_and_target(empty: Database, sql: Sql) -> None:
    with pytest.raises(ConflictError) as refused:
        write(empty, [post(observation("o", "Patient/p", "Practitioner/d"))], AUDIT)
    issues = {issue.expression[0]: issue for issue in refused.value.issues}
    assert set(issues) == {"Observation.subject", "Observation.performer[0]"}
    assert "Patient/p" in issues["Observation.subject"].diagnostics
    assert count(sql, "resource") == 0
    assert count(sql, "audit") == 0


def test_reference_to_a_deleted_resource_is_refused(empty: Database, sql: Sql) -> None:
    write(empty, [put(patient("p"))], AUDIT)
    write(empty, [delete("Patient", "p")], AUDIT)
    with pytest.raises(ConflictError):
        write(empty, [post(observation("o", "Patient/p"))], AUDIT)
    assert count(sql, "resource") == 1


def test_without_integrity_an_absent_target_gets_its_identity(empty: Database, sql: Sql) -> None:
    write(empty, [post(observation("o", "Patient/later"))], AUDIT, "off")
    assert read(empty, "Patient", "later", AUDIT) is None
    assert count_types(empty) == {"Observation": 1}
    before = sql.execute("SELECT DISTINCT pat FROM token WHERE sp > 0").fetchall()
    outcome = write(empty, [put(patient("later"))], AUDIT)[0]
    assert (outcome.created, outcome.stored.version) == (True, 1)
    assert before == [(outcome.stored.rid,)]
    assert count(sql, "history") == 0


def test_referenced_resource_is_not_deleted(empty: Database) -> None:
    write(empty, [put(patient("p"))], AUDIT)
    write(empty, [post(observation("o", "Patient/p"))], AUDIT)
    with pytest.raises(ConflictError, match="Observation/o refers to Patient/p"):
        write(empty, [delete("Patient", "p")], AUDIT)
    assert read(empty, "Patient", "p", AUDIT) is not None
    outcomes = write(empty, [delete("Patient", "p"), delete("Observation", "o")], AUDIT)
    assert [each.changed for each in outcomes] == [True, True]


def test_reference_that_no_parameter_covers_holds_its_target_too(empty: Database) -> None:
    extension = [{"url": "http://example.org/x", "valueReference": {"reference": "Basic/b"}}]
    basic = {"resourceType": "Basic", "id": "b", "code": {"text": "x"}}
    write(empty, [put(basic), put(patient("p", extension=extension))], AUDIT)
    with pytest.raises(ConflictError, match="Patient/p refers to Basic/b"):
        write(empty, [delete("Basic", "b")], AUDIT)


def test_write_refers_within_itself_in_any_order(empty: Database) -> None:
    outcomes = write(
        empty, [post(observation("o", "Patient/p")), post(patient("p"))], AUDIT, "enforce"
    )
    assert [each.stored.version for each in outcomes] == [1, 1]


def test_two_changes_of_one_resource_are_refused(empty: Database) -> None:
    with pytest.raises(ValueError, match="two changes"):
        write(empty, [put(patient("p")), put(patient("p"))], AUDIT)


def rows_by_table(sql: Sql) -> dict[str, list[Any]]:
    return {
        table: sorted(sql.execute(f"SELECT {table}::text FROM {table}".encode()).fetchall())
        for table in (*INDEX_TABLES, "compartment")
    }


def test_rows_after_an_update_are_those_of_a_fresh_create(empty: Database, sql: Sql) -> None:
    people = [put(patient(each)) for each in ("a", "b")]
    write(empty, people, AUDIT)
    last = observation("o", "Patient/b", valueString="seen", effectiveDateTime="2026-02")
    del last["valueQuantity"]
    write(empty, [put(last)], AUDIT)
    expected = rows_by_table(sql)
    write(empty, [delete("Observation", "o")], AUDIT)
    assert count(sql, "ref") == 0
    for step in (
        observation("o", "Patient/a"),
        observation("o", "Patient/a", "Patient/b"),
        observation("o", "Patient/b", "Patient/a"),
        observation("o", effectiveDateTime="2020"),
        last,
    ):
        write(empty, [put(step)], AUDIT)
    assert rows_by_table(sql) == expected


@pytest.mark.parametrize("patients", [0, 1, 2, 8, 9, 30])
def test_rows_stand_once_per_compartment_up_to_eight(
    empty: Database, sql: Sql, patients: int
) -> None:
    names = [f"p{n}" for n in range(patients)]
    write(empty, [put(patient(name)) for name in names], AUDIT) if names else None
    group = observation("o", *(f"Patient/{name}" for name in names))
    rid = write(empty, [put(group)], AUDIT)[0].stored.rid
    rids = {row[0] for row in sql.execute("SELECT rid FROM resource WHERE id <> 'o'")}
    pats = {row[0] for row in sql.execute("SELECT DISTINCT pat FROM date WHERE rid = %s", (rid,))}
    members = {row[0] for row in sql.execute("SELECT pat FROM compartment WHERE rid = %s", (rid,))}
    assert pats == (rids if 0 < patients <= 8 else {rid})
    assert members == (rids if patients > 8 else set())
    assert count(sql, "date", f"rid = {rid} AND home") == 1
    write(empty, [delete("Observation", "o")], AUDIT)
    assert all(count(sql, table, f"rid = {rid}") == 0 for table in (*INDEX_TABLES, "compartment"))


def test_long_texts_and_keys_are_stored_and_removed(empty: Database, sql: Sql) -> None:
    long = "x" * 100_000
    content = patient("p", long, identifier=[{"system": "urn:x", "value": long}])
    write(empty, [put(content)], AUDIT)
    assert body_of(empty, "Patient", "p")["name"] == [{"family": long}]
    write(empty, [put(patient("p", long + "y"))], AUDIT)
    write(empty, [delete("Patient", "p")], AUDIT)
    assert count(sql, "string") == count(sql, "token") == 0


def test_a_bundle_of_thousands_is_a_few_statements(empty: Database, sql: Sql) -> None:
    write(empty, [put(patient("p"))], AUDIT)
    changes = [post(observation(f"o{n}", "Patient/p")) for n in range(2500)]
    outcomes = write(empty, changes, AUDIT)
    assert [each.stored.id for each in outcomes] == [f"o{n}" for n in range(2500)]
    assert count_types(empty) == {"Observation": 2500, "Patient": 1}
    assert count(sql, "outbox") == count(sql, "audit") == 2501
    outcomes = write(empty, [put(observation(f"o{n}")) for n in range(2500)], AUDIT)
    assert {each.stored.version for each in outcomes} == {2}
    assert count(sql, "ref") == 0


def test_audit_names_who_did_what_to_which_version(empty: Database, sql: Sql) -> None:
    write(empty, [put(patient("p"))], AUDIT)
    write(empty, [put(patient("p", "B"))], AUDIT)
    read(empty, "Patient", "p", AUDIT)
    read(empty, "Patient", "none", AUDIT)
    write(empty, [delete("Patient", "p")], AUDIT)
    read(empty, "Patient", "p", AUDIT)
    rows = sql.execute(
        "SELECT id, version, outcome, actor FROM audit ORDER BY at, entry"
    ).fetchall()
    actor = AUDIT.actor
    assert rows == [
        ("p", 1, 201, actor),
        ("p", 2, 200, actor),
        ("p", 2, 200, actor),
        ("none", None, 404, actor),
        ("p", 3, 200, actor),
        ("p", 3, 410, actor),
    ]


def test_failed_session_leaves_nothing_behind(empty: Database, sql: Sql) -> None:
    def work(session: Any) -> None:
        session.apply([put(patient("p"))], AUDIT)
        raise PreconditionFailedError("no")

    with pytest.raises(PreconditionFailedError):
        run_write(empty, work)
    assert count(sql, "resource") == count(sql, "audit") == 0


def test_session_locks_reads_and_writes_in_one_transaction(empty: Database) -> None:
    write(empty, [put(patient("p"))], AUDIT)

    def work(session: Any) -> Any:
        session.lock_conditions(["Patient?identifier=1", "Patient?identifier=0"])
        current = session.lock([("Patient", "p"), ("Patient", "none")])
        rids = session.connection.execute("SELECT rid FROM resource WHERE state = 1").fetchall()
        found = read_many(session.connection, empty.definitions, [rid for (rid,) in rids])
        session.apply([put(patient("p", "B"))], AUDIT)
        session.apply([put(patient("q"))], AUDIT)
        again = session.lock([("Patient", "p")])
        return current, found, again

    current, found, again = run_write(empty, work)
    assert current["Patient", "none"] is None
    assert found == [current["Patient", "p"]]
    assert again["Patient", "p"].version == 2
    assert body_of(empty, "Patient", "q")["id"] == "q"


def test_remembered_row_ids_of_another_database_are_noticed(
    empty: Database, sql: Sql, database_url: str
) -> None:
    write(empty, [put(patient("p"))], AUDIT)
    write(empty, [post(observation("o1", "Patient/p"))], AUDIT)
    sql.execute("TRUNCATE resource, token, string, date, ref, quantity, compartment")
    other = Database(database_url)
    rid = write(other, [put(patient("p"))], AUDIT)[0].stored.rid
    other.close()
    write(empty, [post(observation("o2", "Patient/p"))], AUDIT)
    assert sql.execute("SELECT DISTINCT pat FROM date").fetchall() == [(rid,)]


def test_equal_numbers_that_were_packed_as_other_texts_are_one_row() -> None:
    def key(number: str) -> QuantityKey:
        return (1, 0, "mg", "mg", number, number, "g", f"{number}E-3", None)

    packed = pack(PackedKeys(quantity=[key("5.40"), key("5.4"), key("50")]))
    plain, tens = (1, 0, "mg", "mg", "5.4", "5.4", "g", "0.0054", None), "5E+1"
    assert unpack(packed).quantity == [
        plain, plain, (1, 0, "mg", "mg", tens, tens, "g", "0.05", None)
    ]  # fmt: skip
