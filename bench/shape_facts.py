"""What resources say, as far as search shapes ask for it."""

from collections.abc import Iterator, Sequence
from typing import Any

from fhirserver.model.json import JsonObject


def facts(resource: JsonObject) -> Iterator[str]:
    """Say of a resource what totals are asked for."""
    kind = resource["resourceType"]
    yield kind
    if kind == "Patient":
        yield f"Patient {resource['gender']}"
    if kind == "Observation":
        yield from {f"Observation {code}" for code in codes_of(resource)}


def codes_of(resource: JsonObject) -> list[Any]:
    """List the codes of a resource and of its components."""
    return values(resource, "code.coding.code") + values(resource, "component.code.coding.code")


def of_type(resources: Sequence[JsonObject], kind: str) -> list[JsonObject]:
    """Choose the resources of a type."""
    return [each for each in resources if each["resourceType"] == kind]


def values(resource: JsonObject, path: str) -> list[Any]:
    """List what stands at a path, e.g. "name.family", in all items of lists."""
    found: list[Any] = [resource]
    for name in path.split("."):
        below = [each[name] for each in found if name in each]
        found = [item for each in below for item in (each if isinstance(each, list) else [each])]
    return found
