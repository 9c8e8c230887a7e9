"""Ranges of a date criterion hold what its test holds, each interval once; PostgreSQL compares."""

from __future__ import annotations

from itertools import product

import psycopg
import pytest

from fhirserver.definitions import r4
from fhirserver.model.instant import MAX_US, MIN_US
from fhirserver.search.condition_sql import on
from fhirserver.search.conditions import Fragment, Rows
from fhirserver.search.confinement import confine_query
from fhirserver.search.context import SearchContext
from fhirserver.search.draft import draft_of
from fhirserver.search.granted import Confined, everything
from fhirserver.search.parse import parse
from fhirserver.search.reach import RANGES_MAX, date_ranges

DAY = 86_400_000_000
Y2020 = 1_577_836_800_000_000
CONTEXT = SearchContext(r4(), None, Y2020 + 2000 * DAY)
WIDTHS = (1, DAY - 1, DAY, DAY + 1, 31 * DAY, 400 * DAY)
BEGINNINGS = [
    edge + days * DAY + us
    for edge, days, us in product(
        (Y2020, Y2020 + 31 * DAY, Y2020 + 366 * DAY), (-500, -31, -2, -1, 0, 1), (-1, 0, 1)
    )
]
INTERVALS = [
    (MIN_US, MIN_US + 1),
    (MIN_US, Y2020),
    (MIN_US, MAX_US),
    (Y2020, MAX_US),
    (MAX_US - 1, MAX_US),
    *[(lo, lo + width) for lo in BEGINNINGS for width in WIDTHS],
]
PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
ALONE = [[f"{prefix}{date}"] for prefix in PREFIXES for date in ("2020", "2020-02", "2020-02-01")]
TOGETHER = [
    [f"{one}2020", f"{other}2020-02-01"] for one in PREFIXES for other in PREFIXES if one != other
]
FILTERED = ["date po 2020-02", "date co 2020-02", "date co 2020-02-01"]


def dates_of(query: list[tuple[str, str]]) -> Rows:
    confined = Confined(r4(), everything)
    parsed = parse(query, ("Observation",), CONTEXT)
    draft = draft_of(parsed, confine_query(parsed, confined), confined)
    (condition,) = draft.conditions()
    assert isinstance(condition, Rows)
    return condition


def check(database_url: str, dates: Rows) -> None:
    ranged = date_ranges(dates)
    assert not ranged.reaches
    assert len(ranged.alternatives) <= RANGES_MAX
    (test,) = (on(each, "i") for each in dates.alternatives)
    ranges = [on(each, "i") for each in ranged.alternatives]
    count = " + ".join(f"({each.text})::int" for each in ranges)
    sql = Fragment(
        "SELECT i.lo, i.hi FROM unnest(%s::bigint[], %s::bigint[]) i (lo, hi)"
        f" WHERE ({test.text})::int <> {count}",
        (
            [lo for lo, _ in INTERVALS],
            [hi for _, hi in INTERVALS],
            *test.params,
            *(param for each in ranges for param in each.params),
        ),
    )
    with psycopg.connect(database_url) as connection:
        assert connection.execute(sql.text.encode(), sql.params).fetchall() == []


@pytest.mark.parametrize("values", [*ALONE, *TOGETHER], ids="&".join)
def test_each_interval_is_in_one_range_or_none(database_url: str, values: list[str]) -> None:
    check(database_url, dates_of([("date", value) for value in values]))


@pytest.mark.parametrize("expression", FILTERED)
def test_operators_of_filters_have_ranges(database_url: str, expression: str) -> None:
    check(database_url, dates_of([("_filter", expression)]))


def test_too_many_ranges_are_left_as_tests() -> None:
    dates = dates_of([("date", ",".join(f"ge20{year:02}" for year in range(9)))])
    assert date_ranges(dates) is dates
