"""Rows of composite parameters: values of one element that are searched together.

Spec: https://hl7.org/fhir/R4/search.html#composite

One walk over the element finds the values of all parts, each written as its own parameter's rows
are; every value of the first part is then paired with every one of the others. A composite is
present in an element that has all its parts, whether or not these have rows.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from fhirserver.definitions import Component, Definitions, SearchParameter
from fhirserver.search.extract.places import Walk
from fhirserver.search.extract.quantity import number_text
from fhirserver.search.extract.rows import CompositeRow, Sink
from fhirserver.search.keys import EXTERNAL_OFFSET, local_key

RESOURCE = "%resource."
"""What the path of a part begins with that stands outside the composite's element."""

PAIRS_MAX = 256
"""Pairs of one composite in one element, unless it has so many values; more would let a small
resource write endless rows."""

Key = tuple[int, str]
Columns = tuple[str | None, ...]
"""Columns of one part: a second one's in the order of `CompositeRow`, from t_system to s_exact."""


def parts_of(parameters: Iterable[SearchParameter]) -> list[Component]:
    """List the parts of composites, each once."""
    return list(dict.fromkeys(part for each in parameters for part in each.components))


def compile_composites(
    parameters: Sequence[SearchParameter], walks: tuple[Walk, Walk], definitions: Definitions
) -> Walk:
    """Make the function that writes the rows of the composites of one element.

    Args:
        parameters: the composites.
        walks: write the parts' values in the element, and those in the whole resource, under the
            parts' numbers in `parts_of`.
        definitions: tell the types of the parts.
    """
    parts = parts_of(parameters)
    joins = [
        (
            each.id,
            frozenset(parts.index(part) for part in each.components),
            _join(each, parts, definitions),
        )
        for each in parameters
    ]
    inside, outside = walks
    reaches_out = any(part.expression.startswith(RESOURCE) for part in parts)

    def together(value: Any, sink: Sink) -> None:
        found = Sink(sink.base_url, sink.local_types, sink.resource)
        inside(value, found)
        if reaches_out:
            outside(sink.resource, found)
        here = set(found.present)
        for sp, wanted, join in joins:
            if wanted <= here:
                sink.present.append(sp)
                sink.composite += join(found)

    return together


def _join(
    parameter: SearchParameter, parts: Sequence[Component], definitions: Definitions
) -> Callable[[Sink], Iterator[CompositeRow]]:
    """Make the function that pairs the values of a composite's parts."""
    known = definitions.search_parameters(parameter.base)
    first, second, *third = [
        (parts.index(part), known[part.code].type) for part in parameter.components
    ]
    columns_of = _COLUMNS[second[1]]

    def join(found: Sink) -> Iterator[CompositeRow]:
        seconds = columns_of(found, second[0])
        thirds = _ends(found, third[0][0]) if third else [()]
        keys = _keys(found, first[0])
        rows = (
            CompositeRow(parameter.id, *key, *values, *ends)
            for key, values, ends in itertools.product(keys, seconds, thirds)
        )
        return itertools.islice(rows, max(PAIRS_MAX, len(keys) + len(seconds)))

    return join


def _keys(found: Sink, number: int) -> list[Key]:
    """List the keys of a token, or of a reference's target."""
    wanted = (number, number + EXTERNAL_OFFSET)
    keys = [(system, code) for sp, system, code in found.token if sp in wanted]
    keys += [(0, local_key(kind, id)) for sp, kind, id in found.reference if sp == number]
    return keys if len(keys) < 2 else list(dict.fromkeys(keys))


def _tokens(found: Sink, number: int) -> list[Columns]:
    return [(str(system), code, *_NO_OTHERS) for system, code in _keys(found, number)]


def _quantities(found: Sink, number: int) -> list[Columns]:
    return [
        (
            *_NO_TOKEN,
            str(system),
            code,
            unit,
            *_end_texts(low, high),
            c_unit,
            *_end_texts(c_low, c_high),
            *_NO_DATE_OR_TEXT,
        )
        for sp, system, code, unit, low, high, c_unit, c_low, c_high in found.quantity
        if sp == number
    ]


def _end_texts(low: Decimal | None, high: Decimal | None) -> Columns:
    """Write both ends; most are one point, which is written once."""
    if low is None or high is None:
        return (None, None)
    text = number_text(low)
    return (text, text if high is low else number_text(high))


def _dates(found: Sink, number: int) -> list[Columns]:
    return [
        (*_NO_TOKEN_OR_QUANTITY, str(lo), str(hi), *_NO_TEXT)
        for sp, lo, hi in found.date
        if sp == number
    ]


def _texts(found: Sink, number: int) -> list[Columns]:
    return [
        (*_NO_TOKEN_OR_QUANTITY, *_NO_DATE, norm, exact)
        for sp, norm, exact in found.string
        if sp == number
    ]


def _ends(found: Sink, number: int) -> list[Columns]:
    return [
        (number_text(low), number_text(high))
        for sp, _, _, _, low, high, *_ in found.quantity
        if sp == number
    ]


_NO_TOKEN = _NO_DATE = _NO_TEXT = (None, None)
_NO_TOKEN_OR_QUANTITY = (None,) * 10
_NO_DATE_OR_TEXT = (None,) * 4
_NO_OTHERS = (None,) * 12

_COLUMNS: dict[str, Callable[[Sink, int], list[Columns]]] = {
    "date": _dates,
    "number": _quantities,
    "quantity": _quantities,
    "string": _texts,
    "token": _tokens,
}
"""Columns of a second part, by the type of its parameter."""
