"""What searches read when there are many rows: work, not time.

A page must cost what the page holds, not what the table holds. Tables too small to matter are
scanned whatever the indexes, so these run on a hundred thousand observations, made by SQL.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import psycopg
import pytest

from fhirserver.definitions import r4
from fhirserver.search.context import SearchContext
from fhirserver.search.keys import system_key
from fhirserver.search.order import Position
from fhirserver.search.parse import parse
from fhirserver.search.plan import Plan, make_plan
from fhirserver.search.sql import count_sql, page_query, page_sql
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.database import Database
from fhirserver.store.hot_search import is_hot
from fhirserver.store.search import execute

PATIENTS = 2_000
OBSERVATIONS = 100_000
"""Every tenth is the first patient's, as if a monitor had been at the bed."""
UCUM = "http://unitsofmeasure.org"
DAY = 86_400_000_000
CONTEXT = SearchContext(r4(), "http://here.example/fhir", 1_760_000_000_000_000)

_FILL = """
INSERT INTO resource (rid, pat, updated, version, tid, state, method, extractor, id, present,
                      body, keys)
SELECT n, n, n, 1, %(patient)s, 1, 2, 1, 'p' || n,
       ARRAY(SELECT unnest(ARRAY[%(birthdate)s, %(family)s]::smallint[]) s ORDER BY s),
       convert_to(repeat(' ', 400), 'UTF8'), ''
FROM generate_series(1, %(patients)s) n;
INSERT INTO string (sp, norm, exact, pat, rid, home)
SELECT sp, norm || n %% 100, norm, n, n, true
FROM generate_series(1, %(patients)s) n,
     unnest(ARRAY[%(name)s, %(name)s, %(family)s]::smallint[], ARRAY['smith', 'ann', 'smith'])
     part (sp, norm);
INSERT INTO token (sp, code, system, pat, dt, rid, home)
SELECT %(gender)s, CASE n %% 2 WHEN 0 THEN 'male' ELSE 'female' END, 7, n, n, n, true
FROM generate_series(1, %(patients)s) n;
INSERT INTO date (sp, lo, hi, pat, rid, home)
SELECT %(birthdate)s, n %% 700 * 50 * %(day)s, n %% 700 * 50 * %(day)s + %(day)s, n, n, true
FROM generate_series(1, %(patients)s) n;

CREATE TEMP TABLE o AS
SELECT n + 10000 AS rid, CASE n %% 10 WHEN 0 THEN 1 ELSE n %% %(patients)s + 1 END AS pat,
       (n * 7919 %% 5000) * %(day)s + n AS dt, n
FROM generate_series(1, %(observations)s) n;
INSERT INTO resource (rid, pat, updated, version, tid, state, method, extractor, id, present,
                      body, keys)
SELECT rid, pat, rid, 1, %(observation)s, 1, 2, 1, 'o' || n, ARRAY[%(code)s]::smallint[],
       convert_to(repeat(' ', 400), 'UTF8'), ''
FROM o;
INSERT INTO token (sp, code, system, pat, dt, rid, home)
SELECT %(code)s, 'c' || n %% 50, %(system)s, pat, dt, rid, true FROM o UNION ALL
SELECT %(status)s, CASE n %% 20 WHEN 0 THEN 'amended' ELSE 'final' END, 7, pat, dt, rid, true
FROM o UNION ALL
SELECT %(category)s, 'k' || n %% 3, %(system)s, pat, dt, rid, true FROM o;
INSERT INTO date (sp, lo, hi, pat, rid, home)
SELECT %(date)s, dt, dt + CASE n %% 1000 WHEN 7 THEN 9 * %(day)s ELSE 1000000 END, pat, rid, true
FROM o;
INSERT INTO ref (sp, target, pat, rid, home) SELECT %(subject)s, pat, pat, rid, true FROM o;
INSERT INTO quantity (sp, system, code, unit, low, high, c_unit, c_low, c_high, pat, rid, home)
SELECT %(quantity)s, 0, 'mg', 'mg', n %% 1000, n %% 1000, 'g', n %% 1000 / 1000.0,
       n %% 1000 / 1000.0, pat, rid, true FROM o;
INSERT INTO composite (sp, system, code, q_system, q_code, q_unit, q_low, q_high, q_c_unit,
                       q_c_low, q_c_high, pat, rid, home)
SELECT %(code_quantity)s, %(system)s, 'c' || n %% 50, 0, 'mg', 'mg', n %% 1000, n %% 1000, 'g',
       n %% 1000 / 1000.0, n %% 1000 / 1000.0, pat, rid, true FROM o;
INSERT INTO composite (sp, system, code, t_system, t_code, pat, rid, home)
SELECT %(code_concept)s, %(system)s, 'c' || n %% 50, 0, 't' || n %% 1000, pat, rid, true FROM o;
INSERT INTO composite (sp, system, code, d_lo, d_hi, pat, rid, home)
SELECT %(code_date)s, %(system)s, 'c' || n %% 50, dt, dt + 1000000, pat, rid, true FROM o;
INSERT INTO composite (sp, system, code, s_norm, s_exact, pat, rid, home)
SELECT %(code_string)s, %(system)s, 'c' || n %% 50, 's' || n %% 1000, '', pat, rid, true FROM o;
INSERT INTO composite (sp, system, code, q_low, e_low, pat, rid, home)
SELECT %(near)s, 0, '', n * 7919 %% 18000 / 100.0 - 90, n * 7907 %% 36000 / 100.0 - 180, rid,
       rid, true FROM o;
"""


def _sp(type_name: str, code: str) -> int:
    return r4().search_parameters(type_name)[code].rows_id


@pytest.fixture(scope="module", autouse=True)
def filled(database_url: str) -> None:
    names: dict[str, Any] = {
        **{code: _sp("Patient", code) for code in ("name", "family", "gender", "birthdate")},
        **{code: _sp("Observation", code)
           for code in ("code", "status", "category", "date", "subject")},
        "quantity": _sp("Observation", "value-quantity"),
        **{f"code_{kind}": _sp("Observation", f"code-value-{kind}")
           for kind in ("quantity", "concept", "date", "string")},
        "near": _sp("Location", "near"),
        "patient": r4().type_id("Patient"), "observation": r4().type_id("Observation"),
        "patients": PATIENTS, "observations": OBSERVATIONS, "day": DAY,
        "system": system_key("http://s"),
    }  # fmt: skip
    with psycopg.connect(database_url, autocommit=True) as connection:
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(_FILL, names)
        connection.execute("VACUUM ANALYZE")


def plan_of(type_name: str, query: str, position: Position | None = None) -> Plan:
    parsed = parse(parse_qsl(query, keep_blank_values=True), (type_name,), CONTEXT)
    return make_plan(parsed, CONTEXT, lambda _type: None, position)


def rows_read(database: Database, text: str, params: tuple[object, ...]) -> tuple[int, list[str]]:
    """Run a statement; count the rows its scans looked at, and list tables scanned whole."""
    with database.search_connection() as connection:
        explained = f"EXPLAIN (ANALYZE, FORMAT JSON, BUFFERS OFF, TIMING OFF) {text}".encode()
        row = connection.execute(explained, params).fetchone()
    assert row is not None
    read, scanned = 0, []
    nodes = [row[0][0]["Plan"]]
    while nodes:
        node = nodes.pop()
        nodes += node.get("Plans", [])
        if "Relation Name" in node:
            looked_at = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            read += round(looked_at * node["Actual Loops"])
            empty = node["Relation Name"].startswith(("compartment", "contained"))
            if node["Node Type"] == "Seq Scan" and not empty:
                scanned.append(node["Relation Name"])
    return read, scanned


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
    ("Observation", "subject:Patient.family=smith77", 5000),
]


@pytest.mark.parametrize(("type_name", "query", "most"), PAGES)
def test_a_page_reads_little_more_than_itself(
    database: Database, type_name: str, query: str, most: int
) -> None:
    plan = plan_of(type_name, query)
    phase = plan.phases[0]
    sql = page_sql(page_query(phase, None, 21), phase, backward=False, audit=None)
    read, scanned = rows_read(database, sql.text, sql.params)
    assert scanned == []
    assert read <= most


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
            (_sp("Patient", "family"), _sp("Patient", "birthdate"), low * DAY, high * DAY),
        ).fetchall()
    assert found == [id for (id,) in rows]


@pytest.mark.parametrize(
    "query", ["code=http://s|c10&_total=accurate", "date=ge1983&_total=accurate"]
)
def test_all_are_counted_in_an_index(database: Database, query: str) -> None:
    plan = plan_of("Observation", query)
    assert plan.counted is not None
    counting = count_sql(plan.counted, None)
    with database.search_connection() as connection:
        rows = connection.execute(f"EXPLAIN {counting.text}".encode(), counting.params).fetchall()
    told = " ".join(line for (line,) in rows)
    assert "Index Only Scan" in told
    assert "Seq Scan" not in told


def test_a_later_page_reads_no_more_than_the_first(database: Database) -> None:
    plan = plan_of("Observation", "patient=p1&code=http://s|c10&_sort=-date")
    middle = Position(values=(2500 * DAY, 60_000))
    page = page_query(plan.phases[0], middle, 21)
    read, scanned = rows_read(database, page.text, page.params)
    assert scanned == []
    assert read <= 100


@pytest.mark.parametrize("query", ["code=http://s|c10", "patient=p1", "status=final", ""])
def test_a_bounded_count_stops_at_its_bound(database: Database, query: str) -> None:
    plan = plan_of("Observation", query)
    assert plan.counted is not None
    counting = count_sql(plan.counted, 1001)
    read, scanned = rows_read(database, counting.text, counting.params)
    assert scanned == []
    assert read <= 2500


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
    ],
)
def test_only_small_statements_are_kept(query: str, *, kept: bool) -> None:
    """Each shape is one statement for every connection, so shapes must be few and small."""
    assert is_hot(plan_of("Observation", query)) is kept
