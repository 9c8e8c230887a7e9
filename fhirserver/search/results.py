"""Parameters that shape the answer rather than select: `_sort`, `_count`, `_include` and others.

Spec: https://hl7.org/fhir/R4/search.html#return
"""

import re
from collections.abc import Iterable, Sequence
from typing import get_args

from fhirserver.definitions import FULL_TEXT, SearchParameter
from fhirserver.search.context import SearchContext
from fhirserver.search.criteria import find_parameter
from fhirserver.search.looked_at import looked_at
from fhirserver.search.query import (
    Contained,
    ContainedType,
    Include,
    SortKey,
    Summary,
    Total,
)
from fhirserver.search.refusal import invalid_value, not_offered, over_limit, withheld

RESULT_PARAMETERS = frozenset(
    {
        "_sort", "_count", "_total", "_summary", "_elements", "_include", "_revinclude",
        "_contained", "_containedType", "_type", "_format", "_pretty",
    }
)  # fmt: skip

_WITHOUT_ORDER = ("composite", "special")
_COUNT = re.compile(r"\d{1,9}", re.ASCII)


def parse_count(value: str, context: SearchContext) -> int:
    """Parse `_count`; more than the server's maximum is lowered to it."""
    if _COUNT.fullmatch(value) is None:
        raise invalid_value("_count", value, "use a whole number, 0 or more")
    return min(int(value), context.page_size_max)


def parse_total(value: str) -> Total:
    """Parse `_total`."""
    total: Total
    for total in get_args(Total):
        if value == total:
            return total
    raise invalid_value("_total", value, f"use {', '.join(get_args(Total))}")


def parse_summary(value: str) -> Summary:
    """Parse `_summary`."""
    summary: Summary
    for summary in get_args(Summary):
        if value == summary:
            return summary
    raise invalid_value("_summary", value, f"use {', '.join(get_args(Summary))}")


def parse_elements(value: str, types: tuple[str, ...], context: SearchContext) -> tuple[str, ...]:
    """Parse `_elements`: names of elements at the top of the types searched."""
    known: set[str] = set()
    for name in types:
        for element in context.definitions.node(name).elements.values():
            known |= {element.name, element.base_name}
    names = tuple(dict.fromkeys(value.split(",")))
    for name in names:
        if name not in known:
            raise invalid_value(
                "_elements", name, f"not an element at the top of {' or '.join(types[:3])}"
            )
    return names


def parse_sort(value: str, types: tuple[str, ...], context: SearchContext) -> tuple[SortKey, ...]:
    """Parse `_sort`: codes separated by commas, each with "-" in front for descending."""
    keys: list[SortKey] = []
    for part in value.split(","):
        code = part.removeprefix("-")
        if not code or ":" in code or "." in code:
            raise invalid_value("_sort", value, "write parameter,-parameter: '-' for descending")
        parameters = find_parameter(code, types, context, "_sort")
        first = parameters[0]
        if first.type in _WITHOUT_ORDER or code in FULL_TEXT or first.enters_entry:
            raise not_offered("_sort", f"The key {code!r}", "its values have no order.")
        key = SortKey(parameters, part.startswith("-"))
        if all(known.sps != key.sps for known in keys):
            keys.append(key)
    if len(keys) > context.limits.sort_keys:
        raise over_limit("_sort", "sort keys", context.limits.sort_keys)
    return tuple(keys)


def parse_include(name: str, value: str, sources: Sequence[str], context: SearchContext) -> Include:
    """Parse one `_include` or `_revinclude`: `Type:parameter[:Target]`, `Type:*` or `*`.

    Args:
        name: with its modifier.
        value: see above.
        sources: types that hold the references of a `*` without a type, unless it iterates.
        context: what surrounds the query.

    Raises:
        ForbiddenError: a reference is withheld from the caller, alone or among all of its type.
    """
    base, _, modifier = name.partition(":")
    if modifier not in ("", "iterate"):
        raise not_offered(name, f"The modifier {modifier!r}", "use :iterate or none.")
    if value == "*":
        _refuse_withheld(name, context.definitions.resource_types if modifier else sources, context)
        return Include("*", "*", None, modifier == "iterate")
    parts = value.split(":")
    if len(parts) not in (2, 3) or not all(parts):
        raise invalid_value(name, value, f"write {base}=Observation:subject[:Patient] or *")
    source, code = parts[:2]
    target = parts[2] if len(parts) == 3 else None
    for type_name in (source, target):
        if type_name is not None and type_name not in context.definitions.resource_types:
            raise invalid_value(name, value, f"{type_name!r} is no resource type")
    if code == "*":
        _refuse_withheld(name, (source,), context)
    else:
        _check_reference(name, value, find_parameter(code, (source,), context, name)[0])
    return Include(source, code, target, modifier == "iterate")


def parse_types(value: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """Parse `_type` of a system-wide search."""
    names = value.split(",")
    for name in names:
        if name not in allowed:
            raise invalid_value("_type", name, "use resource types that can be searched here")
    return tuple(sorted(set(names)))


def parse_contained(value: str) -> Contained:
    """Parse `_contained`."""
    contained: Contained
    for contained in get_args(Contained):
        if value == contained:
            return contained
    raise invalid_value("_contained", value, f"use {', '.join(get_args(Contained))}")


def parse_contained_type(value: str) -> ContainedType:
    """Parse `_containedType`."""
    contained_type: ContainedType
    for contained_type in get_args(ContainedType):
        if value == contained_type:
            return contained_type
    raise invalid_value("_containedType", value, f"use {', '.join(get_args(ContainedType))}")


def _refuse_withheld(name: str, types: Iterable[str], context: SearchContext) -> None:
    """Refuse all references of types at once where one of them is withheld from the caller."""
    for type_name in types:
        hidden = context.masks.get(type_name)
        for each in context.definitions.search_parameters(type_name).values() if hidden else ():
            found = looked_at(each, hidden or ()) if each.type == "reference" else ()
            if found:
                raise withheld(name, each.code, type_name, found)


def _check_reference(name: str, value: str, parameter: SearchParameter) -> None:
    if parameter.type != "reference":
        raise invalid_value(name, value, f"{parameter.code!r} is no reference")
    if parameter.enters_entry:
        raise invalid_value(name, value, "what it leads to comes with the Bundle")
