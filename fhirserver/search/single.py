"""Whether a resource has at most one row of a date, number or quantity parameter. Pure.

Then criteria on it hold on the same row, and its index gives each resource once. A schedule
(Timing) counts by its outer limits, and a Range is one row from low to high.
"""

import re
from collections.abc import Sequence
from functools import cache

from fhirserver.definitions import Definitions, SearchParameter

_PLAIN = re.compile(r"\(?([A-Z]\w*)\.(\w+)(?:\.(?:as|ofType)\(\w+\)| as \w+)?\)?", re.ASCII)

_TYPES = ("date", "number", "quantity")


def one_row(parameters: Sequence[SearchParameter], definitions: Definitions) -> bool:
    """Tell it for parameters of one code on several types."""
    return all(each.type in _TYPES and _one_row(each, definitions) for each in parameters)


@cache
def _one_row(parameter: SearchParameter, definitions: Definitions) -> bool:
    if parameter.is_single:
        return True
    names: set[str] = set()
    for alternative in parameter.expression.split(" | "):
        match = _PLAIN.fullmatch(alternative)
        if match is None or match[1] != parameter.base:
            return False
        names.add(match[2])
    elements = definitions.node(parameter.base).elements.values()
    return len(names) == 1 and all(
        not element.is_list for element in elements if element.base_name in names
    )
