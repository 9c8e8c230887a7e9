"""A hundred thousand observations of two thousand patients, as rows made by SQL."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qsl

import psycopg

from fhirserver.definitions import r4
from fhirserver.search.context import SearchContext
from fhirserver.search.granted import Confine, everything
from fhirserver.search.keys import system_key
from fhirserver.search.order import Position
from fhirserver.search.parse import parse
from fhirserver.search.plan import Plan, make_plan

PATIENTS = 2_000
OBSERVATIONS = 100_000
"""Every tenth is the first patient's, as if a monitor had been at the bed."""
CONTAINED = int(os.environ.get("FHIRSERVER_CONTAINED_ROWS", "20000"))
"""Performers that the first observations contain."""
UCUM = "http://unitsofmeasure.org"
DAY = 86_400_000_000
CONTEXT = SearchContext(r4(), "http://here.example/fhir", 1_760_000_000_000_000)

# Else it would look at some of the rows, later, and plans would be made from what it saw.
_KEEP_AUTOVACUUM_OUT = """
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT c.oid::regclass FROM pg_class c
        WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    LOOP EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = false)', name); END LOOP;
END $$
"""
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
INSERT INTO contained (rid, pat, container, place, tid, id, present)
SELECT 1000000 + n, pat, rid, 0, %(practitioner)s, 'd', ARRAY[%(practitioner_name)s]::smallint[]
FROM o WHERE n <= %(contained)s;
INSERT INTO ref (sp, target, pat, rid, home)
SELECT %(performer)s, rid, pat, container, true FROM contained;
INSERT INTO contained_string (sp, norm, exact, pat, rid, home)
SELECT %(practitioner_name)s, 'doc' || rid %% 1000, 'doc', pat, rid, true FROM contained;
INSERT INTO contained_token (sp, code, system, pat, dt, rid, home)
SELECT %(practitioner_gender)s, CASE rid %% 2 WHEN 0 THEN 'male' ELSE 'female' END, 7, pat, 0, rid,
       true FROM contained;
INSERT INTO composite (sp, system, code, q_low, e_low, pat, rid, home)
SELECT %(near)s, 0, '', n * 7919 %% 18000 / 100.0 - 90, n * 7907 %% 36000 / 100.0 - 180, rid,
       rid, true FROM o;
"""


def sp(type_name: str, code: str) -> int:
    """Give the number of a parameter's rows."""
    return r4().search_parameters(type_name)[code].rows_id


def fill(database_url: str) -> None:
    """Make the rows in an empty database, and let PostgreSQL know them."""
    names: dict[str, Any] = {
        **{code: sp("Patient", code) for code in ("name", "family", "gender", "birthdate")},
        **{code: sp("Observation", code)
           for code in ("code", "status", "category", "date", "subject")},
        "quantity": sp("Observation", "value-quantity"),
        **{f"code_{kind}": sp("Observation", f"code-value-{kind}")
           for kind in ("quantity", "concept", "date", "string")},
        "near": sp("Location", "near"), "performer": sp("Observation", "performer"),
        **{f"practitioner_{code}": sp("Practitioner", code) for code in ("name", "gender")},
        "practitioner": r4().type_id("Practitioner"), "contained": CONTAINED,
        "patient": r4().type_id("Patient"), "observation": r4().type_id("Observation"),
        "patients": PATIENTS, "observations": OBSERVATIONS, "day": DAY,
        "system": system_key("http://s"),
    }  # fmt: skip
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(_KEEP_AUTOVACUUM_OUT)
        cursor = psycopg.ClientCursor(connection)
        cursor.execute(_FILL, names)
        # The whole of each table is looked at, and so the same is known of it each time.
        connection.execute("SET default_statistics_target = 10000")
        connection.execute("VACUUM ANALYZE")


def plan_of(
    type_name: str, query: str, position: Position | None = None, *, confine: Confine = everything
) -> Plan:
    """Plan a search of somebody who sees everything, unless it is said what."""
    parsed = parse(parse_qsl(query, keep_blank_values=True), (type_name,), CONTEXT)
    return make_plan(parsed, CONTEXT, confine, position)
