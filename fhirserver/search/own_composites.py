"""SearchParameter resources of type composite: what their parts may be. Pure.

Spec: https://hl7.org/fhir/R4/searchparameter.html, component, and
https://hl7.org/fhir/R4/search.html#composite

The expression names one element; each part is a parameter that R4 has on the type, with the path
from that element to the values that it reads. The first part is looked up by its key, so it is a
token or a reference; rows have columns for the second by its type.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from fhirserver.definitions import Component, Definitions, SearchParameter
from fhirserver.fhirpath import FhirPathError
from fhirserver.model.json import JsonObject
from fhirserver.search.extract.build import TreeBuilder
from fhirserver.search.extract.composite import RESOURCE

_FIRST: Final = ("reference", "token")
_SECOND: Final = ("date", "number", "quantity", "string", "token")


class Wrong(NamedTuple):
    """What is wrong with a composite.

    Attributes:
        element: of the SearchParameter, e.g. "component[0].definition".
        what: said of it.
    """

    element: str
    what: str


def parts_of(resource: JsonObject) -> list[Component]:
    """List the parts that a SearchParameter names, each by the canonical URL without version."""
    return [
        Component(part["definition"].partition("|")[0], part["expression"])
        for part in resource.get("component", ())
    ]


def check_parts(
    resource: JsonObject, base: str, expression: str, specification: Definitions
) -> Wrong | None:
    """Say what keeps a composite from being indexed on one of its types; None if nothing does.

    Args:
        resource: valid by R4's own rules, of type composite.
        base: the type.
        expression: its alternatives for that type.
        specification: R4 alone.
    """
    parts = parts_of(resource)
    if len(parts) != 2:
        return Wrong("component", f"has {len(parts)} parts; two are indexed together")
    if " | " in expression:
        return Wrong("expression", f"names several elements of {base}; a composite joins one's")
    known = {each.url: each for each in specification.search_parameters(base).values()}
    for number, (part, allowed) in enumerate(zip(parts, (_FIRST, _SECOND), strict=True)):
        wrong = _check_part(part, allowed, known)
        if wrong is not None:
            return Wrong(f"component[{number}].definition", f"{part.code!r} {wrong} ({base})")
        wrong = _lay(known[part.code], expression, part.expression, specification)
        if wrong is not None:
            return Wrong(f"component[{number}].expression", f"{part.expression!r} {wrong}")
    return None


def _check_part(
    part: Component, allowed: tuple[str, ...], known: Mapping[str, SearchParameter]
) -> str | None:
    found = known.get(part.code)
    if found is None:
        return "is no parameter that R4 has on the type"
    if found.type not in allowed or not found.supported:
        return f"is of type {found.type}; in this place one of {', '.join(allowed)} is indexed"
    return None


def _lay(part: SearchParameter, element: str, path: str, specification: Definitions) -> str | None:
    """Lay the whole path of a part as if it were the parameter's own; say what is wrong."""
    builder = TreeBuilder(specification, part.base)
    starts = part.base if path.startswith(RESOURCE) else element
    alternatives = [f"{starts}.{each.removeprefix(RESOURCE)}" for each in path.split(" | ")]
    try:
        builder.add(replace(part, expression=" | ".join(alternatives), alias_of=None))
    except FhirPathError as error:
        return f"is no FHIRPath: {error}"
    if builder.computed:
        return f"from {element} is more than a path"
    root = builder.finish()
    if root.present or root.children or root.tests:
        return None
    return f"leads from {element} to nothing that {part.type} parameters search"
