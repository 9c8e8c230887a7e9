"""`verify` finds nothing in a sound database and finds each thing that is broken on purpose."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from fhirserver.definitions import r4
from fhirserver.search.extract import IndexRows, extract, extractor_of
from fhirserver.store.database import Database
from fhirserver.store.verify import Report, verify
from fhirserver.store.write import write
from tests.store.resources import AUDIT, delete, observation, patient, put


def extract_here(content: Any) -> IndexRows:
    return extract(content, definitions=r4(), base_url=None)


def check(url: str, findings_max: int = 100) -> Report:
    return verify(
        url,
        r4(),
        extract=extract_here,
        extractor=extractor_of(r4()),
        findings_max=findings_max,
    )


@pytest.fixture
def full(empty: Database) -> Database:
    """Live, deleted, revived, absent and much-shared resources."""
    people = [put(patient(f"p{n}", f"family{n}", birthDate="1970-01-01")) for n in range(12)]
    write(empty, people, AUDIT)
    everyone = [f"Patient/p{n}" for n in range(12)]
    write(empty, [put(observation("many", *everyone))], AUDIT)
    write(empty, [put(observation("few", *everyone[:3]))], AUDIT)
    write(empty, [put(observation("few", *everyone[2:4]))], AUDIT)
    write(empty, [put(observation("absent", "Patient/elsewhere"))], AUDIT, "off")
    write(empty, [put(patient("gone"))], AUDIT)
    write(empty, [delete("Patient", "gone")], AUDIT)
    write(empty, [put(patient("back"))], AUDIT)
    write(empty, [delete("Patient", "back")], AUDIT)
    told = {"status": "generated", "div": "<div>Some <b>words</b></div>"}
    write(empty, [put(patient("back", text=told))], AUDIT)
    return empty


def test_sound_database_gives_no_finding(full: Database, database_url: str) -> None:
    report = check(database_url)
    assert report.findings == []
    assert report.sound
    assert (report.resources, report.versions, report.dangling) == (16, 21, 1)
    assert report.rows > 100


@pytest.mark.parametrize(
    ("damage", "rule", "place"),
    [
        ("DELETE FROM token WHERE rid = {few} AND home", "index rows", "Observation/few"),
        ("UPDATE string SET exact = exact || 'x' WHERE rid = {p1}", "index rows", "Patient/p1"),
        ("INSERT INTO date SELECT * FROM date WHERE rid = {p1}", "index rows", "Patient/p1"),
        ("UPDATE ref SET target = {p1} WHERE rid = {absent}", "index rows", "Observation/absent"),
        ("UPDATE quantity SET c_low = 3 WHERE rid = {few}", "index rows", "Observation/few"),
        ("UPDATE composite SET q_low = 3 WHERE rid = {few}", "index rows", "Observation/few"),
        ("DELETE FROM composite WHERE rid = {few} AND home", "index rows", "Observation/few"),
        ("UPDATE narrative SET words = words || 'x'", "index rows", "Patient/back"),
        ("DELETE FROM compartment WHERE pat = {p1}", "index rows", "Observation/many"),
        ("UPDATE resource SET pat = {p1} WHERE rid = {few}", "compartment", "Observation/few"),
        ("UPDATE resource SET version = 9 WHERE rid = {p1}", "versions", "Patient/p1"),
        ("UPDATE resource SET version = 9 WHERE rid = {p1}", "body", "Patient/p1"),
        ("DELETE FROM history WHERE rid = {few}", "versions", "Observation/few"),
        ("UPDATE history SET updated = updated + 100000000000", "versions", "Observation/few"),
        ("UPDATE resource SET updated = updated + 1 WHERE rid = {p1}", "body", "Patient/p1"),
        ("UPDATE resource SET body = 'x' WHERE rid = {p1}", "body", "Patient/p1"),
        ("UPDATE resource SET present = '{{}}' WHERE rid = {p1}", "extraction", "Patient/p1"),
        ("UPDATE resource SET extractor = 0 WHERE rid = {p1}", "extractor", "Patient/p1"),
        (
            (
                "UPDATE resource SET body = convert_to(replace(convert_from(body, 'UTF8'),"
                " 'family1', 'other'), 'UTF8') WHERE rid = {p1}"
            ),
            "extraction",
            "Patient/p1",
        ),
        ("DELETE FROM resource WHERE state = 0", "references", "Observation/absent"),
        ("DELETE FROM resource WHERE rid = {p1}", "orphans", "string"),
    ],
)
def test_damage_is_found_and_named(
    full: Database,
    database_url: str,
    sql: psycopg.Connection[Any],
    damage: str,
    rule: str,
    place: str,
) -> None:
    rids = dict(sql.execute("SELECT id, rid FROM resource").fetchall())
    sql.execute(damage.format(**rids).encode())
    report = check(database_url)
    assert (place, rule) in {(each.place, each.rule) for each in report.findings}
    assert not report.sound


def test_findings_are_counted_beyond_those_kept(
    full: Database, database_url: str, sql: psycopg.Connection[Any]
) -> None:
    sql.execute("DELETE FROM date")
    report = check(database_url, findings_max=3)
    assert len(report.findings) == 3
    assert report.counts["index rows"] > 10
