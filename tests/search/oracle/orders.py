"""Orders for Hypothesis to draw, and whether an answer is in one.

Spec: https://hl7.org/fhir/R4/search.html#sort

The server documents what R4 leaves open: missing values come last in both directions; a date sorts
by its beginning, the earliest of several, and is missing where that is open; of other values the
least counts ascending and the greatest descending. Which unit quantities sort in, and in which form
references and canonicals do, is the server's own, so of these only is tried that they lose nothing.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from tests.search.oracle import amounts, intervals, texts
from tests.search.oracle.elements import Typed, codes_of, kind_of, values_of
from tests.search.oracle.matcher import tokens

Order = list[tuple[str, bool]]
"""Codes, and whether each descends."""

BEGINNING = intervals.range_of("0001")[0]
_COMPARED = {"date", "number", "string", "token", "uri"}
_KEY_CHARS = {"string": 200, "token": 900, "uri": 900}
"""So many characters decide; of longer ones the index holds no more."""


@st.composite
def orders(draw: st.DrawFn, type_name: str) -> Order:
    """Draw none to three keys."""
    codes = [code for code in codes_of(type_name) if kind_of(type_name, code) not in _WITHOUT_ORDER]
    found = draw(st.lists(st.sampled_from(codes), max_size=3, unique=True))
    return [(code, draw(st.booleans())) for code in found]


_WITHOUT_ORDER = ("composite", "special")


def written(order: Order) -> str:
    """Write `_sort`."""
    return ",".join(f"{'-' if descending else ''}{code}" for code, descending in order)


def disorder(type_name: str, order: Order, answer: Sequence[Any]) -> str | None:
    """Say which two neighbours stand the wrong way round; None if none do."""
    for earlier, later in pairwise(answer):
        if not _in_order(type_name, order, earlier, later):
            return f"{earlier} before {later}"
    return None


def _in_order(type_name: str, order: Order, earlier: Any, later: Any) -> bool:
    for code, descending in order:
        kind = kind_of(type_name, code)
        if kind not in _COMPARED or code == "_profile":
            return True
        first, second = (
            _key(values_of(each, type_name, code), kind, descending=descending)
            for each in (earlier, later)
        )
        if first != second:
            if first is None or second is None:
                return second is None
            return bool(first > second) is descending
    return True


def _key(stored: list[Typed], kind: str, *, descending: bool) -> Any:
    found: list[Any] = [key for each in stored for key in _KEYS[kind](each)]
    if kind in _KEY_CHARS:
        found = [text[: _KEY_CHARS[kind]] for text in found]
    if not found:
        return None
    found.sort()
    if kind == "date":
        return None if found[0] == BEGINNING else found[0]
    return found[-1 if descending else 0]


_KEYS = {
    "date": lambda each: [low for low, _ in intervals.ranges(each.value, each.datatype)],
    "number": lambda each: [span.low for span in amounts.numbers(each.value, each.datatype)],
    "string": lambda each: map(texts.comparable, texts.parts(each.value, each.datatype)),
    "token": lambda each: [code or "" for system, code in tokens(each) if system or code],
    "uri": lambda each: [each.value],
}
