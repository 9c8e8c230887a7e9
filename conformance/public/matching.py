"""Does a resource match a search? Read plainly from R4, for the searches of recorded runs.

    token      code, system|code, system|, |code; a text that has no system of its own
    reference  id, Type/id
    date       eq ne gt lt ge le sa eb, as half-open intervals
    string     begins with, whatever the case

Where values stand is told by the search parameters' expressions. What is not read here (other
types, modifiers, chains) is an `UnreadError`, and the search is not judged by its content.

Spec: https://hl7.org/fhir/R4/search.html
"""

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from fhirserver.definitions import Definitions, SearchParameter, r4
from fhirserver.fhirpath import (
    Context,
    ElementNode,
    Expression,
    FhirPathError,
    compile_expression,
    root_node,
)
from fhirserver.model.instant import MAX_US, MIN_US, interval_us
from fhirserver_conformance.public.cases import JsonObject

Interval = tuple[int, int]
Parameters = list[tuple[str, str]]

_RESOLVED = re.compile(r"\.where\(resolve\(\) is (\w+)\)")
_PREFIX = re.compile(r"(eq|ne|gt|lt|ge|le|sa|eb)?(.*)", re.DOTALL)
_COMPARE: dict[str, Callable[[Interval, Interval], bool]] = {
    "eq": lambda q, r: q[0] <= r[0] and r[1] <= q[1],
    "ne": lambda q, r: not (q[0] <= r[0] and r[1] <= q[1]),
    "gt": lambda q, r: r[1] > q[1],
    "lt": lambda q, r: r[0] < q[0],
    "ge": lambda q, r: r[1] > q[1] or (q[0] <= r[0] and r[1] <= q[1]),
    "le": lambda q, r: r[0] < q[0] or (q[0] <= r[0] and r[1] <= q[1]),
    "sa": lambda q, r: r[0] >= q[1],
    "eb": lambda q, r: r[1] <= q[0],
}


class UnreadError(Exception):
    """A parameter that is not read here; the message names it."""


def matches(
    resource: JsonObject, parameters: Parameters, definitions: Definitions | None = None
) -> bool:
    """Tell whether a search of the resource's type finds it.

    Args:
        resource: as the server gave it; what is not as R4 has it matches nothing.
        parameters: names and decoded values of what filters; all must hold.
        definitions: with the search parameters; R4's unless given.

    Raises:
        UnreadError: one of them is not read here.
    """
    known = definitions or r4()
    try:
        return all(_holds(resource, name, value, known) for name, value in parameters)
    except (FhirPathError, AttributeError, KeyError, TypeError, ValueError):
        return False


def references(value: Any) -> Iterator[str]:
    """Give the text of every reference in a resource or a part of one."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def _holds(resource: JsonObject, name: str, value: str, definitions: Definitions) -> bool:
    type_name = resource["resourceType"]
    if name == "_id":
        return resource.get("id") in value.split(",")
    parameter = definitions.search_parameters(type_name).get(name)
    if parameter is None or parameter.type not in _TESTS:
        raise UnreadError(f"{type_name}?{name}")
    test = _TESTS[parameter.type]
    stored = _values(resource, parameter)
    return any(test(each, wanted) for each in stored for wanted in value.split(","))


def _values(resource: JsonObject, parameter: SearchParameter) -> list[Any]:
    focus = root_node(resource)
    expression, target = _expression(parameter.expression)
    found = expression.evaluate(focus, Context(focus))
    values = [item.value if isinstance(item, ElementNode) else item for item in found]
    return [each for each in values if target is None or _is_to(each, target)]


@cache
def _expression(text: str) -> tuple[Expression, str | None]:
    target = _RESOLVED.search(text)
    return compile_expression(_RESOLVED.sub("", text)), target[1] if target else None


def _is_to(value: Any, target: str) -> bool:
    return isinstance(value, dict) and f"{target}/" in value.get("reference", "")


def _token(stored: Any, wanted: str) -> bool:
    if isinstance(stored, dict) and "coding" in stored:
        return any(_token(each, wanted) for each in stored["coding"])
    system, bar, code = wanted.rpartition("|")
    if not isinstance(stored, dict):
        text = str(stored).lower() if isinstance(stored, bool) else stored
        return bool(text == code)
    own = stored.get("code", stored.get("value"))
    return (not bar or stored.get("system", "") == system) and (not code or own == code)


def _reference(stored: Any, wanted: str) -> bool:
    text = stored.get("reference", "") if isinstance(stored, dict) else ""
    return f"/{text}".endswith(f"/{wanted}")


def _date(stored: Any, wanted: str) -> bool:
    found = _PREFIX.fullmatch(wanted)
    assert found is not None
    return _COMPARE[found[1] or "eq"](interval_us(found[2]), _interval(stored))


def _interval(stored: Any) -> Interval:
    if isinstance(stored, str):
        return interval_us(stored)
    if not isinstance(stored, dict) or not stored.keys() & {"start", "end"}:
        raise UnreadError(f"a date in {stored!r}")
    low = interval_us(stored["start"])[0] if "start" in stored else MIN_US
    high = interval_us(stored["end"])[1] if "end" in stored else MAX_US
    return low, high


def _string(stored: Any, wanted: str) -> bool:
    if isinstance(stored, str):
        return stored.casefold().startswith(wanted.casefold())
    parts = stored.values() if isinstance(stored, dict) else stored
    return any(_string(each, wanted) for each in parts if isinstance(each, (str, list)))


_TESTS = {"token": _token, "reference": _reference, "date": _date, "string": _string}
