"""A FHIRPath Patch as it is sent: Parameters, taken apart. Pure.

Spec: https://hl7.org/fhir/R4/fhirpatch.html

    parameter  operation
      part     type         code     add, insert, delete, replace, move
      part     path         string   FHIRPath to the element, or for insert and move to the list
      part     name         string   add: name of the element to add below path
      part     value        any      add, insert, replace; parts where the element has no type name
      part     index        integer  insert
      part     source       integer  move
      part     destination  integer  move
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fhirserver.errors import InvalidRequestError, TooLargeError
from fhirserver.interactions.json_patch import OPERATIONS_LIMIT
from fhirserver.model.json import JsonObject, JsonValue

Kind = Literal["add", "insert", "delete", "replace", "move"]

_NEEDS: Mapping[Kind, frozenset[str]] = {
    "add": frozenset(("name", "value")),
    "insert": frozenset(("index", "value")),
    "delete": frozenset(),
    "replace": frozenset(("value",)),
    "move": frozenset(("source", "destination")),
}


@dataclass(frozen=True, slots=True)
class PatchValue:
    """A value on its way into an element.

    Attributes:
        suffix: of value[x], e.g. "CodeableConcept"; it makes the name of a choice. None for
            parts and whole resources.
        content: JSON value; None where only an id or extensions are given.
        sibling: id and extensions of a primitive.
        parts: name and value of each child, where the element has no type name of its own.
    """

    suffix: str | None = None
    content: JsonValue = None
    sibling: JsonValue = None
    parts: tuple[tuple[str, "PatchValue"], ...] = ()


@dataclass(frozen=True, slots=True)
class PatchOperation:
    """One operation; what its kind does not need is at its default.

    Attributes:
        place: index among the operations, for messages.
    """

    place: int
    kind: Kind
    path: str
    name: str = ""
    value: PatchValue = PatchValue()
    index: int = 0
    source: int = 0
    destination: int = 0


def parse_operations(document: JsonValue) -> list[PatchOperation]:
    """Take a patch apart.

    Raises:
        InvalidRequestError: not a FHIRPath Patch.
        TooLargeError: too many operations.
    """
    if not isinstance(document, dict) or document.get("resourceType") != "Parameters":
        raise InvalidRequestError("A FHIRPath Patch is a Parameters resource.")
    parameters = document.get("parameter", [])
    if not isinstance(parameters, list):
        raise InvalidRequestError("Parameters.parameter must be a list.")
    if len(parameters) > OPERATIONS_LIMIT:
        raise TooLargeError(f"A FHIRPath Patch has at most {OPERATIONS_LIMIT} operations.")
    return [_operation(place, parameter) for place, parameter in enumerate(parameters)]


def _operation(place: int, parameter: JsonValue) -> PatchOperation:
    where = f"Parameters.parameter[{place}]"
    parts = _parts(where, parameter)
    if parameter["name"] != "operation":
        raise _malformed(where, 'its name must be "operation"')
    found: dict[str, PatchValue] = {}
    for name, value in parts:
        if name in found or name not in _TYPES:
            raise _malformed(where, f"{name[:100]!r} is no part of an operation, or stands twice")
        found[name] = value
    asked = found["type"].content if "type" in found else None
    kind = next((each for each in _NEEDS if each == asked), None)
    if kind is None:
        raise _malformed(where, f"type is one of {', '.join(_NEEDS)}, not {asked!r}")
    missing = ({"path"} | _NEEDS[kind]) - found.keys()
    if missing:
        raise _malformed(where, f"{kind} needs {' and '.join(sorted(missing))}")
    plain = {
        name: _typed(where, name, value.content)
        for name, value in found.items()
        if name not in ("type", "value")
    }
    return PatchOperation(place, kind, value=found.get("value", PatchValue()), **plain)


_TYPES: Mapping[str, type] = {
    "type": str,
    "path": str,
    "name": str,
    "value": object,
    "index": int,
    "source": int,
    "destination": int,
}


def _typed(where: str, name: str, content: JsonValue) -> JsonValue:
    wanted = _TYPES[name]
    if content.__class__ is not wanted or (isinstance(content, int) and content < 0):
        kind = "a text" if wanted is str else "a whole number, 0 or more"
        raise _malformed(where, f"{name} must be {kind}")
    return content


def _parts(where: str, parameter: JsonValue) -> list[tuple[str, PatchValue]]:
    if not isinstance(parameter, dict) or not isinstance(parameter.get("name"), str):
        raise _malformed(where, "it needs a name")
    parts = parameter.get("part", [])
    if not isinstance(parts, list):
        raise _malformed(where, "part must be a list")
    found = []
    for index, part in enumerate(parts):
        inner = f"{where}.part[{index}]"
        if not isinstance(part, dict) or not isinstance(part.get("name"), str):
            raise _malformed(inner, "it needs a name")
        found.append((part["name"], _value(inner, part)))
    return found


def _value(where: str, part: JsonObject) -> PatchValue:
    if "part" in part:
        return PatchValue(parts=tuple(_parts(where, part)))
    if "resource" in part:
        return PatchValue(content=part["resource"])
    names = {key.removeprefix("_") for key in part} - {"name", "id", "extension"}
    if len(names) != 1 or not (name := names.pop()).startswith("value"):
        raise _malformed(where, "it needs one value[x], resource or list of parts")
    return PatchValue(name.removeprefix("value"), part.get(name), part.get(f"_{name}"))


def _malformed(where: str, reason: str) -> InvalidRequestError:
    return InvalidRequestError(f"{where}: {reason}.", expression=(where,))
