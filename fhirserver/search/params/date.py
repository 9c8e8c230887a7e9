"""Date search values: `[prefix]yyyy[-mm[-dd[Thh:mm[:ss[.s+]][Z|+hh:mm]]]]`.

Spec: https://hl7.org/fhir/R4/search.html#date and https://hl7.org/fhir/R4/search.html#prefix

A date is as wide as its precision: both sides are half-open intervals [lo, hi) of UTC
microseconds, q the query's and r the resource's. A period without an end is open there.

    eq  q.lo <= r.lo and r.hi <= q.hi      ne  not eq
    gt  r.hi > q.hi      ge  gt or eq      sa  r.lo >= q.hi
    lt  r.lo < q.lo      le  lt or eq      eb  r.hi <= q.lo
    ap  r overlaps q, widened at both ends by a tenth of the time between q and now
    po  r overlaps q     co  r.lo <= q.lo and q.hi <= r.hi        (operators of filters only)

`ge` is `r.hi > q.hi or r.lo >= q.lo`, and `le` its mirror image. The tests also name what they
imply (`r.hi > q.lo` for `ge`), because an index can answer that and not the OR.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from fhirserver.model.instant import MAX_US, MIN_US, interval_us
from fhirserver.search.conditions import BY_DATE, WIDE_US, Condition, Fragment, Reach, Rows
from fhirserver.search.escape import unescape
from fhirserver.search.params.prefix import Prefix, split_prefix

MODIFIERS: frozenset[str] = frozenset()
NOT_OFFERED: frozenset[str] = frozenset()

Comparison = Prefix | Literal["po", "co"]

_BLANK_OFFSET = re.compile(r"(T\S+) (?=\d\d:\d\d$)", re.ASCII)
"""Before an offset whose "+" was not encoded, which means a blank in a URL."""


@dataclass(frozen=True, slots=True)
class DateValue:
    """A date to compare with.

    Attributes:
        text: the date as written, without its prefix.
        prefix: None where the value has none, which means `eq`.
        lo: start of the interval, epoch microseconds; already widened for `ap`.
        hi: its end, exclusive.
    """

    text: str
    prefix: Comparison | None
    lo: int
    hi: int

    def render(self) -> str:
        """Write it as in a URL."""
        return (self.prefix or "") + self.text


def parse(text: str, *, now_us: int) -> DateValue:
    """Parse one value.

    Args:
        text: one value, e.g. "ge2013-03".
        now_us: instant of the request, epoch microseconds; only `ap` depends on it.

    Raises:
        ValueError: an unknown prefix, a day that does not exist, an hour without minutes.
    """
    prefix, day = split_prefix(unescape(text))
    lo, hi = interval_us(_BLANK_OFFSET.sub(r"\1+", day))
    if prefix == "ap":
        lo, hi = max(lo - abs(now_us - lo) // 10, MIN_US), min(hi + abs(now_us - hi) // 10, MAX_US)
    return DateValue(day, prefix, lo, hi)


def condition(sps: tuple[int, ...], values: Iterable[DateValue]) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    found = list(values)
    return Rows(
        "date",
        sps,
        tuple(test(value, "@.lo", "@.hi") for value in found),
        BY_DATE,
        reaches=tuple(map(reach, found)),
    )


def test(value: DateValue, lo: str, hi: str) -> Fragment:
    """Compare one value with an interval.

    Args:
        value: what the query asks for.
        lo: SQL expression of the resource's lower bound.
        hi: SQL expression of its upper bound.
    """
    text, bounds = _TESTS[value.prefix or "eq"]
    ends = {"l": value.lo, "h": value.hi}
    return Fragment(text.format(lo=lo, hi=hi), tuple(ends[bound] for bound in bounds))


def reach(value: DateValue) -> Reach:
    """Tell where the intervals begin that may fulfil a comparison."""
    lo, hi = value.lo, value.hi
    match value.prefix:
        case "gt":
            return Reach(low=hi - WIDE_US, sure_low=hi)
        case "ge":
            return Reach(low=min(lo, hi - WIDE_US), sure_low=lo)
        case "sa":
            return Reach(low=hi, wide_low=hi, sure_low=hi)
        case "lt":
            return Reach(high=lo, sure_low=MIN_US)
        case "le":
            return Reach(high=hi, sure_low=MIN_US, sure_high=lo)
        case "eb":
            return Reach(high=lo)
        case "ap" | "po":
            return Reach(low=lo - WIDE_US, high=hi, sure_low=lo)
        case "co":
            return Reach(low=hi - WIDE_US, high=lo + 1)
        case "ne":
            return Reach()
        case _:
            return Reach(low=lo, high=hi, wide_low=lo)


# SQL, and which end of the query's interval each parameter is.
_TESTS: dict[Comparison, tuple[str, str]] = {
    "eq": ("{lo} >= %s AND {lo} < %s AND {hi} <= %s", "lhh"),
    "ne": ("({lo} < %s OR {hi} > %s)", "lh"),
    "gt": ("{hi} > %s", "h"),
    "lt": ("{lo} < %s", "l"),
    "ge": ("{hi} > %s AND ({hi} > %s OR {lo} >= %s)", "lhl"),
    "le": ("{lo} < %s AND ({lo} < %s OR {hi} <= %s)", "hlh"),
    "sa": ("{lo} >= %s", "h"),
    "eb": ("{hi} <= %s", "l"),
    "ap": ("{lo} < %s AND {hi} > %s", "hl"),
    "po": ("{lo} < %s AND {hi} > %s", "hl"),
    "co": ("{lo} <= %s AND {hi} >= %s", "lh"),
}
