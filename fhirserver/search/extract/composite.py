"""Rows of composite parameters: values of one element that are searched together.

Spec: https://hl7.org/fhir/R4/search.html#composite

One walk over the element finds the values of all parts, each written as its own parameter's rows
are; every value of the first part is then paired with every one of the others. A composite is
present in an element that has all its parts, whether or not these have rows.
"""

import collections
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from fhirserver.definitions import Component, Definitions, SearchParameter
from fhirserver.search.extract.places import Walk
from fhirserver.search.extract.quantity import number_text
from fhirserver.search.extract.rows import CompositeRow, Sink
from fhirserver.search.keys import EXTERNAL_OFFSET, local_key

RESOURCE = "%resource."
"""What the path of a part begins with that stands outside the composite's element."""

PAIRS_MAX = 256
"""Pairs of one composite in one element; more would let a small resource write endless rows."""

First = tuple[int, str]
Columns = dict[str, Any]
"""Columns of one part: texts, or None."""


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
                sink.composite += itertools.islice(join(found), PAIRS_MAX)

    return together


def _join(
    parameter: SearchParameter, parts: Sequence[Component], definitions: Definitions
) -> Callable[[Sink], Iterator[CompositeRow]]:
    """Make the function that pairs the values of a composite's parts."""
    known = definitions.search_parameters(parameter.base)
    first, second, *third = [
        (parts.index(part), known[part.code].type) for part in parameter.components
    ]

    def join(found: Sink) -> Iterator[CompositeRow]:
        values = [_COLUMNS[second[1]](found, second[0])]
        values += [_ends(found, number) for number, _ in third]
        for key in _firsts(found, first[0]):
            for columns in itertools.product(*values):
                yield CompositeRow(parameter.id, *key, **dict(collections.ChainMap(*columns)))

    return join


def _firsts(found: Sink, number: int) -> list[First]:
    """List the keys of a token, or of a reference's target."""
    wanted = (number, number + EXTERNAL_OFFSET)
    keys = [(system, code) for sp, system, code in found.token if sp in wanted]
    keys += [(0, local_key(kind, id)) for sp, kind, id in found.reference if sp == number]
    return list(dict.fromkeys(keys))


def _tokens(found: Sink, number: int) -> list[Columns]:
    return [{"t_system": str(system), "t_code": code} for system, code in _firsts(found, number)]


def _quantities(found: Sink, number: int) -> list[Columns]:
    return [
        {
            "q_system": str(system),
            "q_code": code,
            "q_unit": unit,
            "q_low": number_text(low),
            "q_high": number_text(high),
            "q_c_unit": c_unit,
            "q_c_low": None if c_low is None else number_text(c_low),
            "q_c_high": None if c_high is None else number_text(c_high),
        }
        for sp, system, code, unit, low, high, c_unit, c_low, c_high in found.quantity
        if sp == number
    ]


def _dates(found: Sink, number: int) -> list[Columns]:
    return [{"d_lo": str(lo), "d_hi": str(hi)} for sp, lo, hi in found.date if sp == number]


def _texts(found: Sink, number: int) -> list[Columns]:
    return [{"s_norm": norm, "s_exact": exact} for sp, norm, exact in found.string if sp == number]


def _ends(found: Sink, number: int) -> list[Columns]:
    return [
        {"e_low": number_text(low), "e_high": number_text(high)}
        for sp, _, _, _, low, high, *_ in found.quantity
        if sp == number
    ]


_COLUMNS: dict[str, Callable[[Sink, int], list[Columns]]] = {
    "date": _dates,
    "number": _quantities,
    "quantity": _quantities,
    "string": _texts,
    "token": _tokens,
}
"""Columns of a second part, by the type of its parameter."""
