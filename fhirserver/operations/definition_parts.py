"""Parameters of the OperationDefinitions that are our own.

Spec: https://hl7.org/fhir/R4/operationdefinition.html
"""

from fhirserver.model.json import JsonObject

ONE, MAYBE, MANY = (1, "1"), (0, "1"), (0, "*")
"""Cardinalities: min and max."""


def parameter(
    name: str, use: str, cardinality: tuple[int, str], documentation: str, type_: str | None = None
) -> JsonObject:
    """Define a parameter; `use` is "in" or "out"."""
    found: JsonObject = {
        "name": name,
        "use": use,
        "min": cardinality[0],
        "max": cardinality[1],
        "documentation": documentation,
    }
    return found if type_ is None else {**found, "type": type_}


def with_parts(whole: JsonObject, *parts: JsonObject) -> JsonObject:
    """Give a parameter parts."""
    return {**whole, "part": list(parts)}
