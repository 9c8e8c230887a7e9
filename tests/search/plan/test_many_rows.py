"""What searches read when there are many rows: work, not time.

A page must cost what the page holds, not what the table holds. Tables too small to matter are
scanned whatever the indexes, so these run on a hundred thousand observations, made by SQL.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from psycopg import ClientCursor

from fhirserver.search.count_sql import count_sql, total_sql
from fhirserver.search.granted import Granted
from fhirserver.search.order import Position
from fhirserver.search.query import Criterion
from fhirserver.search.sql import page_query, page_sql
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.database import Database
from fhirserver.store.explain import numbered
from fhirserver.store.hot_search import is_hot
from fhirserver.store.search import execute
from tests.search.plan.many_rows import DAY, UCUM, fill, plan_of, sp
from tests.search.plan.plan_text import plan_text

GOLDEN = Path(__file__).parent / "golden" / "plans.txt"


@pytest.fixture(scope="module", autouse=True)
def filled(database_url: str) -> None:
    fill(database_url)


Read = tuple[int, list[str], set[str]]
"""Rows that scans looked at, tables scanned whole, and all tables of the plan."""


_EXPLAIN = "EXPLAIN (ANALYZE, FORMAT JSON, BUFFERS OFF, TIMING OFF)"


def rows_read(database: Database, text: str, params: tuple[object, ...]) -> Read:
    """Run a statement, and tell what it read; tables that hold next to nothing may be scanned."""
    with database.search_connection() as connection:
        row = connection.execute(f"{_EXPLAIN} {text}".encode(), params).fetchone()
    assert row is not None
    return _read_by(row[0][0]["Plan"])


def rows_read_as_kept(database: Database, text: str, params: tuple[object, ...]) -> Read:
    """Tell the same of the plan that is kept for all values."""
    with database.connection() as connection:
        connection.execute(f"PREPARE kept AS {numbered(text)}".encode())
        values = ", ".join(["%s"] * len(params))
        executed = f"{_EXPLAIN} EXECUTE kept ({values})".encode()
        row = ClientCursor(connection).execute(executed, params).fetchone()
        connection.execute("DEALLOCATE kept")
    assert row is not None
    return _read_by(row[0][0]["Plan"])


def _read_by(plan: dict[str, Any]) -> Read:
    read, scanned, tables = 0, [], set()
    nodes = [plan]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Relation Name" in node:
            looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            read += round(looked_at * node["Actual Loops"])
            tables.add(node["Relation Name"])
            is_run = node["Node Type"] == "Seq Scan" and node["Actual Loops"]
            if is_run and node["Relation Name"] != "compartment":
                scanned.append(node["Relation Name"])
    return read, scanned, tables


PAGES = [
    ("Observation", "", 100),
    ("Observation", "_sort=-_lastUpdated", 100),
    ("Observation", "_id=o77", 5),
    ("Observation", "patient=p5&code=http://s|c1&_sort=-date", 150),
    ("Observation", "patient=p1&code=http://s|c10&_sort=-date", 100),
    ("Observation", "patient=p1&code=c10", 100),
    ("Observation", "patient=p1&code=http://s|c10,http://s|c20&_sort=-date", 200),
    ("Observation", "patient=p1&category=k1&_sort=-date&status=final", 200),
    ("Observation", "patient=p1&_sort=-date", 100),
    ("Observation", "patient=p1&_sort=date", 100),
    ("Observation", "patient=p1", 100),
    ("Observation", "patient=p1&date=lt1980&_sort=-date", 150),
    ("Observation", "code=http://s|c10&_sort=-date", 100),
    ("Observation", "code=http://s|c10", 100),
    ("Observation", "code=http://s|c10,http://s|c11", 200),
    ("Observation", "status=final&_sort=-date", 100),
    ("Observation", "code=http://s|c10&category=k1&status=final&_sort=-date", 5000),
    ("Observation", "date=ge1983-06", 100),
    ("Observation", "date=ge1975-03&date=lt1975-04", 200),
    ("Observation", "code=http://s|c10&date=ge1983-01", 100),
    ("Observation", "code=http://s|c10&date=lt1970-03", 100),
    ("Observation", "status=final&date=ge1975-03&date=lt1975-04&_sort=-date", 200),
    ("Observation", "status=final&date=ge1975-03-01&_sort=date", 200),
    ("Observation", "value-quantity=7|http://unitsofmeasure.org|mg&_sort=date", 1500),
    ("Observation", "_sort=date", 100),
    ("Observation", "_sort=-date", 100),
    ("Observation", "value-quantity=7|http://unitsofmeasure.org|mg", 1000),
    ("Observation", f"code-value-quantity=http://s|c10$10|{UCUM}|mg", 300),
    ("Observation", f"code-value-quantity=c10$gt400|{UCUM}|mg", 300),
    ("Observation", "code-value-quantity=c10$gt400", 300),
    ("Observation", "combo-code-value-quantity=c10$gt400", 300),
    ("Observation", f"patient=p1&code-value-quantity=c10$10|{UCUM}|mg", 300),
    ("Observation", f"patient=p1&code-value-quantity=c10$gt400|{UCUM}|mg", 1000),
    ("Observation", f"patient=p5&code-value-quantity=c4$lt400|{UCUM}|mg", 100),
    ("Observation", "code-value-concept=http://s|c10$t10", 300),
    ("Observation", "code-value-date=c10$1970-01", 300),
    ("Observation", "code-value-string=c10$s10", 500),
    ("Location", "near=48|11|10", 500),
    ("Patient", "family=smith1", 1500),
    ("Patient", "family=smith&gender=male", 5000),
    ("Patient", "_sort=birthdate", 100),
    ("Patient", "_sort=-birthdate", 100),
    ("Patient", "_sort=family", 200),
    ("Patient", "birthdate=ge1990&_sort=family", 700),
    ("Patient", "birthdate=1970-01-01&_sort=family", 100),
    ("Patient", "_has:Observation:patient:code=c10", 4500),
    ("Patient", "gender=male", 100),
    ("Patient", "birthdate=1970-01-01", 100),
    ("Observation", "subject:Patient.family=smith77", 200),
    ("Observation", "patient.name=smith77&_sort=-date", 5000),
    ("Observation", "performer:Practitioner.name=doc77", 500),
    ("Observation", "performer:Practitioner.name:exact=doc", 100_000),
    ("Observation", "code=http://s|c10&performer:Practitioner.name=doc77", 5000),
    ("Observation", "code=http://s|c10&patient.gender:not=male", 15_000),
    ("Observation", "code=http://s|c26&patient.name=smith77&_sort=-date", 4000),
    ("Observation", "code=http://s|c26&subject.name=smith77", 4000),
    ("Observation", "date=1975-03&patient.name=smith77", 1500),
    ("Patient", "_has:Observation:patient:performer.name=doc77", 1500),
    ("Patient", f"_has:Observation:patient:code-value-quantity=c10$gt400|{UCUM}|mg", 5000),
    ("Patient", f"_has:Observation:patient:code-value-quantity=c10$gt950|{UCUM}|mg", 700),
]
LISTED = [
    "patient=p1&performer:Practitioner.name=doc",
    "patient=p1&performer:Practitioner.name=doc&_sort=-date",
    "patient=p1&performer:Practitioner.name=doc&_sort=-_lastUpdated",
    "patient=p1,p2&performer:Practitioner.name=doc&status=final",
    "patient=p1&_filter=performer:Practitioner.name sw doc7 and date gt 1970",
]


@pytest.mark.parametrize(("type_name", "query", "most"), PAGES)
def test_a_page_reads_little_more_than_itself(
    database: Database, type_name: str, query: str, most: int
) -> None:
    plan = plan_of(type_name, query)
    phase = plan.phases[0]
    sql = page_sql(page_query(phase, None, 21), phase, backward=False, audit=None)
    run = rows_read_as_kept if is_hot(plan) else rows_read
    read, scanned, tables = run(database, sql.text, sql.params)
    assert scanned == []
    assert read <= most
    if not any("." in name for name, _ in parse_qsl(query)):
        assert not any(table.startswith("contained") for table in tables)


@pytest.mark.parametrize("query", LISTED)
def test_a_chain_within_a_patient_is_followed_once(database: Database, query: str) -> None:
    """It leads to thousands, and the patient has thousands: not the one times the other."""
    plan = plan_of("Observation", query)
    assert plan.counted is not None
    for sql in (page_query(plan.phases[0], None, 21), count_sql(plan.counted, 1001)):
        read, _, _ = rows_read(database, sql.text, sql.params)
        assert read <= 60_000


def test_plans_are_the_known_ones(database: Database) -> None:
    """A change of them should be seen, as in `test_golden_sql`, which tells how to write them."""
    found = "\n".join(_planned(database, type_name, query) for type_name, query, _ in PAGES)
    if os.environ.get("FHIRSERVER_WRITE_GOLDEN"):
        GOLDEN.write_text(found)
    assert found == GOLDEN.read_text()
    assert "Seq Scan" not in found.replace("Seq Scan compartment", "")


def _planned(database: Database, type_name: str, query: str) -> str:
    """Tell how a page of a search and its total are found."""
    plan = plan_of(type_name, query)
    assert plan.counted is not None
    page = plan_text(database, page_query(plan.phases[0], None, 21))
    total = plan_text(database, total_sql(plan, 1000))
    return f"== {type_name}?{query}\n{page}\n-- total\n{total}\n"


@pytest.mark.parametrize("direction", ["", "-"], ids=["ascending", "descending"])
@pytest.mark.parametrize("born", ["1970-01-01", "lt1980", "ge1990"], ids=["one", "few", "many"])
def test_few_and_many_come_in_the_same_order(database: Database, born: str, direction: str) -> None:
    plan = plan_of("Patient", f"birthdate={born}&_sort={direction}family&_count=50")
    found: list[str] = []
    while len(found) < 150:
        page = execute(database, plan, AuditRow("search-type", "anonymous", "", "1", ""))
        found += [each.id for each in page.matches]
        if page.next is None:
            break
        plan = replace(plan, position=page.next)
    low, high = {"1970-01-01": (0, 1), "lt1980": (0, 3652), "ge1990": (7305, 40_000)}[born]
    with database.search_connection() as connection:
        rows = connection.execute(
            "SELECT r.id FROM string s JOIN date d USING (rid) JOIN resource r USING (rid)"
            " WHERE s.sp = %s AND d.sp = %s AND d.lo >= %s AND d.lo < %s"
            f" ORDER BY s.norm {'DESC' if direction else ''}, s.rid {'DESC' if direction else ''}"
            " LIMIT 150",
            (sp("Patient", "family"), sp("Patient", "birthdate"), low * DAY, high * DAY),
        ).fetchall()
    assert found == [id for (id,) in rows]


@pytest.mark.parametrize(
    "query", ["code=http://s|c10&_total=accurate", "date=ge1983&_total=accurate"]
)
def test_codes_and_dates_are_counted_in_an_index(database: Database, query: str) -> None:
    plan = plan_of("Observation", query)
    assert plan.counted is not None
    counting = count_sql(plan.counted, None)
    with database.search_connection() as connection:
        rows = connection.execute(f"EXPLAIN {counting.text}".encode(), counting.params).fetchall()
    told = " ".join(line for (line,) in rows)
    assert "Index Only Scan" in told
    assert "Seq Scan" not in told


@pytest.mark.parametrize(
    ("treated", "query", "most"),
    [
        pytest.param(5, "_sort=-date", 250, id="newest-of-five"),
        pytest.param(5, "_sort=date", 250, id="oldest-of-five"),
        pytest.param(5, "status=final&_sort=-date", 250, id="with-a-status"),
        pytest.param(500, "patient=p5", 80, id="one-of-500"),
        pytest.param(500, "patient=p1&_sort=-date", 80, id="one-of-500-with-very-many"),
        pytest.param(500, "patient=p5&status=final&_sort=-date", 80, id="one-of-500-with-a-status"),
    ],
)
def test_a_page_of_a_care_team_reads_no_more_than_one_of_each_patient(
    database: Database, treated: int, query: str, most: int
) -> None:
    """The first of them has ten thousand observations; what one patient shares is looked for."""
    team = tuple(f"p{n}" for n in range(1, treated + 1))
    plan = plan_of("Observation", query, confine=lambda _: (Granted(team),))
    phase = plan.phases[0]
    sql = page_sql(page_query(phase, None, 21), phase, backward=False, audit=None)
    run = rows_read_as_kept if is_hot(plan) else rows_read
    read, scanned, _ = run(database, sql.text, sql.params)
    assert scanned == []
    assert read <= most


def test_a_later_page_reads_no_more_than_the_first(database: Database) -> None:
    plan = plan_of("Observation", "patient=p1&code=http://s|c10&_sort=-date")
    middle = Position(values=(2500 * DAY, 60_000))
    page = page_query(plan.phases[0], middle, 21)
    read, scanned, _ = rows_read(database, page.text, page.params)
    assert scanned == []
    assert read <= 100


@pytest.mark.parametrize("query", ["code=http://s|c10", "patient=p1", "status=final", ""])
def test_a_bounded_count_stops_at_its_bound(database: Database, query: str) -> None:
    plan = plan_of("Observation", query)
    assert plan.counted is not None
    counting = count_sql(plan.counted, 1001)
    read, scanned, _ = rows_read(database, counting.text, counting.params)
    assert scanned == []
    assert read <= 2500


@pytest.mark.parametrize(
    ("type_name", "query", "counted", "most"),
    [
        pytest.param("Patient", "family=smith", False, 1001, id="names"),
        pytest.param("Patient", "family=smith&gender=male&birthdate=ge1980", False, 1001, id="3"),
        pytest.param("Patient", "family=smith1&gender=male", True, 660, id="fewer-names"),
        pytest.param("Patient", "_has:Observation:patient:code=c10", False, 1001, id="has"),
        pytest.param(
            "Patient", f"_has:Observation:patient:code-value-quantity=c10$gt900|{UCUM}|mg", True,
            600, id="has-few",
        ),
        pytest.param("Observation", "code=c10&status=final", False, 1001, id="code-and-status"),
        pytest.param("Observation", "code=c26&patient.name=smith77", True, 2100, id="chain"),
    ],
)  # fmt: skip
def test_a_total_looks_at_no_more_than_it_may_count(
    database: Database, type_name: str, query: str, counted: bool, most: int
) -> None:
    """A thousand rows of the best criterion; of more no other condition is tested."""
    total = total_sql(plan_of(type_name, f"{query}&_count=5"), 1000)
    read, scanned, _ = rows_read(database, total.text, total.params)
    assert scanned == []
    assert read <= most
    with database.search_connection() as connection:
        (row,) = connection.execute(total.text.encode(), total.params).fetchall()
        exact = total_sql(plan_of(type_name, f"{query}&_total=accurate"), 1000)
        (every,) = connection.execute(exact.text.encode(), exact.params).fetchall()
    assert row[0] == (every[0] if counted else None)


def test_a_confined_callers_total_does_not_hang_on_what_is_hidden(database: Database) -> None:
    """Of two thousand Smiths such a caller sees half, and is told so as if there were no others."""
    (females,) = plan_of("Patient", "gender=female").query.criteria
    assert isinstance(females, Criterion)
    plan = plan_of(
        "Patient", "family=smith&_count=5", confine=lambda _: (Granted(None, (females,)),)
    )
    page = execute(database, plan, AuditRow("search-type", "anonymous", "", "1", ""))
    assert page.total == 1000


def test_an_estimate_within_a_patient(database: Database) -> None:
    """Such pages run on plans that are kept; the query planner is asked all the same."""
    plan = plan_of("Observation", "patient=p1&_total=estimate")
    assert is_hot(plan)
    page = execute(database, plan, AuditRow("search-type", "anonymous", "", "1", ""))
    assert len(page.matches) == 20
    assert page.total is not None
    assert page.total > 1000


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("patient=p1&code=http://s|c10&status=final", True),
        (
            "patient=p1&code=http://s|c10&date=" + ",".join(f"gt{n}" for n in range(1980, 2020)),
            False,
        ),
        ("patient=p1&" + "&".join(f"status=s{n}" for n in range(6)), False),
        ("patient=p1&code=a,b,c", False),
        ("code=http://s|c10&_sort=-date", True),
        ("code=http://s|c10&date=ge1975-03&date=lt1975-04", True),
        ("code=a,b,c,d,e", False),
        ("code=http://s|c10&status=final", False),
        ("code=http://s|c10&_sort=date", False),
        ("code=http://s|c10&_total=accurate", False),
        ("code=http://s|c10&_total=estimate", False),
        ("code=http://s|c10&_total=none", True),
        ("code=http://s|c10&_summary=count", False),
        ("code:not=c10", False),
        ("", False),
    ],
)
def test_only_small_statements_are_kept(query: str, *, kept: bool) -> None:
    """Each shape is one statement for every connection, so shapes must be few and small."""
    assert is_hot(plan_of("Observation", query)) is kept
