"""Types of items: is, as, ofType and type().

Spec: http://hl7.org/fhirpath/N1/index.html#types and https://hl7.org/fhir/R4/fhirpath.html#types

FHIR's `string` is not System's `String`: an element is asked for FHIR types, a literal for System
types; a name without namespace means whichever the item has.
"""

from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from fhirserver.definitions import r4
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.temporal import Temporal
from fhirserver.fhirpath.values import Collection, ElementNode, Quantity, TypeInfo

_SYSTEM_NAMES: dict[type, str] = {
    bool: "Boolean",
    str: "String",
    int: "Integer",
    Decimal: "Decimal",
    Quantity: "Quantity",
}
_TEMPORAL_NAMES = {"date": "Date", "dateTime": "DateTime", "time": "Time"}
_SYSTEM_TYPES = frozenset({*_SYSTEM_NAMES.values(), *_TEMPORAL_NAMES.values(), "Any"})


@cache
def parse_type(name: str) -> TypeInfo:
    """Resolve a type specifier; namespace "" where none is written.

    Raises:
        FhirPathError: there is no such type.
    """
    namespace, _, local = name.rpartition(".")
    known = (namespace in ("", "System") and local in _SYSTEM_TYPES) or (
        namespace in ("", "FHIR") and local in r4().type_names
    )
    if not known:
        raise FhirPathError(f"there is no type {name}")
    return TypeInfo(namespace, local)


@cache
def type_name(path: str) -> str:
    """Give the FHIR type of a path: Patient.contact is a BackboneElement."""
    if "." not in path:
        return path
    is_backbone = "modifierExtension" in r4().node(path).elements
    return "BackboneElement" if is_backbone else "Element"


@lru_cache(maxsize=4096)
def lineage(path: str) -> frozenset[str]:
    """Give the names of a path's type and of all that it specialises."""
    try:
        return frozenset(r4().supertypes(type_name(path)))
    except KeyError:
        return frozenset({path})


def type_of(item: Any) -> TypeInfo:
    """Give the type of an item."""
    if item.__class__ is ElementNode:
        return TypeInfo("FHIR", type_name(item.path))
    if item.__class__ is Temporal:
        return TypeInfo("System", _TEMPORAL_NAMES[item.kind])
    return TypeInfo("System", _SYSTEM_NAMES.get(item.__class__, "Any"))


def is_type(item: Any, wanted: TypeInfo) -> bool:
    """Tell whether an item is of a type or of one that specialises it."""
    if item.__class__ is ElementNode:
        return wanted.namespace != "System" and wanted.name in lineage(item.path)
    return wanted.namespace != "FHIR" and type_of(item).name == wanted.name


def is_exactly(item: Any, wanted: TypeInfo) -> bool:
    """Tell whether as and ofType keep an item: a `code` is not taken for a `string`."""
    if item.__class__ is ElementNode and wanted.name[:1].islower():
        return wanted.namespace != "System" and item.path == wanted.name
    return is_type(item, wanted)


def reflect(items: Collection) -> Collection:
    """type(): the type of every item."""
    return [type_of(item) for item in items]
