r"""Composite search values: `part$part`, `part$part$part`.

Spec: https://hl7.org/fhir/R4/search.html#composite

    8480-6$gt140                    a code, and a quantity in any unit
    http://loinc.org|8480-6$gt140|http://unitsofmeasure.org|mm[Hg]
    DocumentReference/1$replaces    a reference, and a code
    a,b$5                           a$5 or b$5

Each part is written as for its own parameter, prefixes and bars included, but without modifiers;
`\$` stands for a dollar sign. All parts must hold in the same element: the same component of an
Observation.

A row of the index holds all parts, under the names that the tables of their types use, with a
prefix; so the tests of those types serve here.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from fhirserver.definitions import FIRST_OWN, SearchParameter
from fhirserver.search.conditions import (
    BY_MAIN_DATE,
    BY_PATIENT,
    NEVER,
    Condition,
    Fragment,
    OrderKey,
    Rows,
    both,
)
from fhirserver.search.escape import split
from fhirserver.search.keys import local_key, short_key, system_key
from fhirserver.search.params import date, number, quantity, string, token
from fhirserver.search.params.date import DateValue
from fhirserver.search.params.number import NumberValue
from fhirserver.search.params.quantity import QuantityValue
from fhirserver.search.params.reference import ReferenceValue
from fhirserver.search.params.string import StringValue
from fhirserver.search.params.token import TokenValue

MODIFIERS: frozenset[str] = frozenset()
NOT_OFFERED: frozenset[str] = frozenset()

_PREFIXES = {"token": "t_", "quantity": "q_", "date": "d_", "string": "s_"}


class Part(Protocol):
    """One part of a value."""

    def render(self) -> str:
        """Write it as in a URL."""
        ...


@dataclass(frozen=True, slots=True)
class CompositeValue:
    """Parts that must hold together.

    Attributes:
        parts: values of the parameters that the composite joins, in their order.
    """

    parts: tuple[Part, ...]

    def render(self) -> str:
        """Write it as in a URL."""
        return "$".join(part.render() for part in self.parts)


def spread(texts: Iterable[str]) -> Iterator[str]:
    """Write alternatives of a first part out: `a,b$5` stands for `a$5,b$5`.

    Args:
        texts: what commas separate, still escaped.
    """
    waiting: list[str] = []
    for text in texts:
        first, *rest = split(text, "$")
        if not rest:
            waiting.append(first)
            continue
        for each in (*waiting, first):
            yield "$".join((each, *rest))
        waiting = []
    yield from waiting


def parse(text: str, parsers: Sequence[tuple[str, Callable[[str], Part]]]) -> CompositeValue:
    """Parse one value.

    Args:
        text: one value, still escaped.
        parsers: code of each part, and what parses its values.

    Raises:
        ValueError: too few or too many parts, or one that does not fit; it is named.
    """
    texts = split(text, "$")
    form = "$".join(code for code, _ in parsers)
    if len(texts) != len(parsers) or not all(texts):
        raise ValueError(rf"write {form}, and a dollar sign within a part as \$")
    parts = []
    for (code, parse_part), each in zip(parsers, texts, strict=True):
        try:
            parts.append(parse_part(each))
        except ValueError as error:
            raise ValueError(f"part {code} of {form}: {error}") from None
    return CompositeValue(tuple(parts))


def condition(parameters: Sequence[SearchParameter], values: Sequence[CompositeValue]) -> Condition:
    """Build the condition of one criterion; its values are alternatives.

    Several elements (combo-code-value-quantity) are alternatives too, so that each is read in the
    order of its index. Where the resource itself is the element, R4's own find one value in it,
    though maybe several codes.
    """
    sps = tuple(sp for each in parameters for sp in each.row_ids)
    elements = [Fragment("@.sp = %s", (sp,)) for sp in sps] if parameters[0].united else []
    alternatives: list[Fragment] = []
    orders = set()
    for value in values:
        tests, order = _tests(value)
        orders.add(order)
        alternatives += [both(sp, test) for sp in elements for test in tests] or tests
    return Rows(
        "composite",
        sps,
        tuple(alternatives),
        orders.pop() if len(orders) == 1 else (),
        even=all(each.expression == each.base and each.id < FIRST_OWN for each in parameters),
    )


def _tests(value: CompositeValue) -> tuple[list[Fragment], tuple[OrderKey, ...]]:
    """Give tests of a row of which one must hold, and the order in which an index gives them."""
    first, second, *third = value.parts
    key, rows = _rows(first), _rows(second)
    tests = [list(key.alternatives), _renamed(rows, _PREFIXES[rows.table])]
    tests += [_renamed(_rows(part), "e_") for part in third]
    found = [functools.reduce(both, each) for each in itertools.product(*tests)]
    return found, _order(rows) if key.order else ()


def _order(rows: Rows) -> tuple[OrderKey, ...]:
    """Give the order of the second part's rows, once the first part is fixed."""
    if rows.order == BY_MAIN_DATE:
        return BY_PATIENT
    prefix = _PREFIXES[rows.table]
    return tuple(key._replace(column=key.column.replace("@.", f"@.{prefix}")) for key in rows.order)


def _renamed(rows: Rows, prefix: str) -> list[Fragment]:
    return [
        Fragment(each.text.replace("@.", f"@.{prefix}"), each.params) for each in rows.alternatives
    ]


def _reference(value: ReferenceValue) -> Rows:
    """Look for a reference's target by its key; a row of a first part has nothing else."""
    if not value.url:
        keys = [local_key(name, value.id) for name in value.types]
    else:
        keys = [short_key(value.url)]
    tests = [Fragment("@.code = %s", (key,)) for key in keys]
    if value.version:
        tests = [
            both(each, Fragment("@.system = %s", (system_key(value.version),))) for each in tests
        ]
    return Rows("token", (), tuple(tests) or (NEVER,), BY_MAIN_DATE)


def _rows(part: Part) -> Rows:
    """Let the part's type build the condition."""
    found: Condition | None = None
    match part:
        case DateValue():
            found = date.condition((), [part])
        case NumberValue():
            found = number.condition((), [part])
        case ReferenceValue():
            found = _reference(part)
        case QuantityValue():
            found = quantity.condition((), [part])
        case StringValue():
            found = string.condition((), None, [part])
        case TokenValue():
            found = token.condition((), None, [part])
        case _:
            pass
    assert isinstance(found, Rows)
    return found
