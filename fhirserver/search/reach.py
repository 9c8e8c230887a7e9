"""Reach of a date test: between which lower bounds the intervals lie that may fulfil it. Pure.

A test of both bounds (`hi > a AND (hi > b OR lo >= a)`) is no range of an index that begins with
the lower bound. Most intervals are a day wide or less, so such a test is also a few ranges
that exclude one another:

    sure     whatever is there fulfils the test        sure_low <= lo < sure_high
    edges    may fulfil it, and is tested              low <= lo < sure_low, sure_high <= lo < high
    wide     begins before all these, and may reach    wide_low <= lo < low, wider than a day

The wide ones have an index of their own (`date_wide`). Rows of tokens carry the lower bound of the
resource's main date, so a code between two dates is a range as well.
"""

from collections.abc import Iterator
from dataclasses import replace

from fhirserver.model.instant import MIN_US
from fhirserver.search.condition_sql import select
from fhirserver.search.conditions import NEVER, WIDE_US, Fragment, Reach, Rows, both

RANGES_MAX = 8
"""More ranges than this cost more planning than they save reading."""


def date_ranges(dates: Rows) -> Rows:
    """Write a date criterion as ranges of its rows, unless these are too many."""
    found = [
        each
        for reach, test in zip(dates.reaches, dates.alternatives, strict=True)
        for each in _ranges(reach, "@.lo", test, _wide_rows(test))
    ]
    return _with_alternatives(dates, found)


def token_ranges(tokens: Rows, dates: Rows) -> Rows | None:
    """Join a criterion on the main date to token rows, as ranges of the date that these carry.

    Returns:
        Token rows that fulfil both criteria; None where that would be too many ranges.
    """
    sp = dates.sps[0]
    ranges = [
        each
        for reach, test in zip(dates.reaches, dates.alternatives, strict=True)
        # Tokens without a date carry the least one; a period without a start begins there, too.
        for each in _ranges(
            reach._replace(sure_low=max(reach.sure_low, MIN_US + 1)),
            "@.dt",
            _own_date(sp, test),
            _among_wide(sp, reach, test),
        )
    ]
    found = [both(token, each) for token in tokens.alternatives for each in ranges]
    joined = _with_alternatives(tokens, found)
    return None if joined is tokens else joined


def _ranges(reach: Reach, column: str, test: Fragment, wide: Fragment) -> Iterator[Fragment]:
    low, high = reach.low, reach.high
    sure_low, sure_high = max(low, reach.sure_low), min(high, reach.sure_high)
    edges = [(low, high)]
    if sure_low < sure_high:
        edges = [(low, sure_low), (sure_high, high)]
        yield _between(column, sure_low, sure_high)
    for start, end in edges:
        if start < end:
            yield both(_between(column, start, end), test)
    if reach.wide_low < low:
        yield both(_between(column, reach.wide_low, low), wide)


def _between(column: str, low: int, high: int) -> Fragment:
    return Fragment(f"{column} >= %s AND {column} < %s", (low, high))


def _wide_rows(test: Fragment) -> Fragment:
    return Fragment(f"@.hi - @.lo > {WIDE_US} AND {test.text}", test.params)


def _own_date(sp: int, test: Fragment) -> Fragment:
    """Test the date of one token row's resource."""
    same = "w.pat = @.pat AND w.rid = @.rid AND w.lo = @.dt AND w.sp = %s"
    found = select("TRUE", "date w", Fragment(f"{same} AND {_of_w(test)}", (sp, *test.params)))
    return Fragment(f"({found.text} LIMIT 1)", found.params)


def _among_wide(sp: int, reach: Reach, test: Fragment) -> Fragment:
    """Test that a token row's resource is one of those with a wide date; usually there are none."""
    which = f"w.sp = %s AND w.home AND w.hi - w.lo > {WIDE_US} AND w.lo >= %s AND w.lo < %s"
    params = (sp, reach.wide_low, reach.low, *test.params)
    found = select("w.rid", "date w", Fragment(f"{which} AND {_of_w(test)}", params))
    return Fragment(f"@.rid = ANY(ARRAY({found.text}))", found.params)


def _of_w(test: Fragment) -> str:
    return test.text.replace("@.", "w.")


def _with_alternatives(rows: Rows, found: list[Fragment]) -> Rows:
    if len(found) > RANGES_MAX:
        return rows
    return replace(rows, alternatives=tuple(found) or (NEVER,), reaches=())
