"""The parts of composite search parameters.

Spec: https://hl7.org/fhir/R4/search.html#composite

A composite joins parameters whose values stand in one element of the resource: its expression
gives that element, and each part a path from there.

    Observation.component-code-value-quantity    Observation.component
        component-code                           code
        component-value-quantity                 value.as(Quantity)

A composite whose elements are those of others with the same parts (combo-code-value-quantity:
Observation and Observation.component) has no rows of its own: theirs answer it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

Raw = Mapping[str, Mapping[str, Any]]

_PATHS: dict[tuple[str, str], tuple[str, ...]] = {
    # The parts are named in the order reference, code, but each has the other's path.
    ("DocumentReference", "relationship"): ("target", "code"),
    # Published as DateTime, which no datatype is called.
    ("Observation", "code-value-date"): ("code", "value.as(dateTime) | value.as(Period)"),
}
"""By (type, code): paths of the parts, where those published are wrong."""


class Component(NamedTuple):
    """One part of a composite parameter.

    Attributes:
        code: of the parameter, on the same type, that says how values are read.
        expression: FHIRPath from the composite's element, or from `%resource`.
    """

    code: str
    expression: str


def components(base: str, code: str, raw: Raw) -> tuple[Component, ...]:
    """List the parts of a type's parameter; none if it is no composite.

    Args:
        base: the type.
        code: of the parameter.
        raw: all parameters of the type by code, in their compiled form.
    """
    published = raw[code].get("component", ())
    paths = _PATHS.get((base, code), tuple(path for _, path in published))
    by_url = {entry["url"]: other for other, entry in raw.items()}
    return tuple(
        Component(by_url[url], path) for (url, _), path in zip(published, paths, strict=True)
    )


def united(base: str, code: str, raw: Raw) -> tuple[int, ...]:
    """List the numbers of the composites whose rows answer a parameter; none if its own do."""
    elements = raw[code]["expression"].split(" | ")
    if raw[code]["type"] != "composite" or len(elements) < 2:
        return ()
    paths = [part.expression for part in components(base, code, raw)]
    alike: dict[str, int] = {}
    for other, entry in raw.items():
        # R4's own come first: rows of one's own of the same element may still be made, or go.
        if entry["type"] == "composite" and paths == [
            part.expression for part in components(base, other, raw)
        ]:
            alike.setdefault(entry["expression"], entry["id"])
    return tuple(alike[element] for element in elements)
