"""Results as parts of a Parameters resource, in the way of the FHIRPath Lab.

Spec: https://hl7.org/fhir/R4/parameters.html and the server API that the FHIRPath Lab documents

    name         type: "HumanName", "string", "Patient.contact" for elements without a type's name
    value[x]     where Parameters has a value of the type; `_value[x]` for id and extensions
    resource     where it is a resource
    extension    json-value, its JSON as text, for everything else: backbone elements, types, dates
                 that end within their time, Integers beyond 32 bits
    empty text   a part "empty-string" without a value, which FHIR could not hold

A calendar duration is a Quantity whose unit is the word and that has no code.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from fhirserver.definitions import r4
from fhirserver.fhirpath.temporal import Temporal
from fhirserver.fhirpath.type_system import lineage
from fhirserver.fhirpath.values import UCUM, ElementNode, Quantity, TypeInfo
from fhirserver.model.json import JsonObject, JsonValue, write_json

JSON_VALUE = "http://fhir.forms-lab.com/StructureDefinition/json-value"
XML_VALUE = "http://fhir.forms-lab.com/StructureDefinition/xml-value"

_INTEGER_MAX = 2**31 - 1
_DATE, _CLOCK, _DATE_AND_CLOCK = 3, 3, 6
"""Parts of values that are whole."""
_NAMES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    Decimal: "decimal",
    str: "string",
    Quantity: "Quantity",
    TypeInfo: "SimpleTypeInfo",
}


def part_of(item: Any) -> JsonObject:
    """Give the part that holds an item of a collection. Pure."""
    name, value = type_label(item), value_of(item)
    if value == "":
        return {"name": "empty-string"}
    if item.__class__ is ElementNode:
        return {"name": name, **_content(item)}
    return {"name": name, **(_named(name, value) if _is_of_fhir(item) else _as_json(value))}


def type_label(item: Any) -> str:
    """Name an item's type, e.g. "HumanName", "Patient.contact", "boolean"."""
    if isinstance(item, ElementNode):
        return item.path
    return item.kind if isinstance(item, Temporal) else _NAMES[item.__class__]


def value_of(item: Any) -> JsonValue:
    """Give an item as JSON; of an element without a value its id and extensions."""
    match item:
        case ElementNode():
            return item.sibling if item.value is None else item.value
        case Temporal():
            return str(item).removesuffix("T")
        case Quantity(value, unit, calendar):
            coded = {} if calendar else {"system": UCUM, "code": unit}
            return {"value": value, "unit": unit, **coded}
        case TypeInfo(namespace, name):
            return {"namespace": namespace, "name": name}
        case _:
            return item


def _content(node: ElementNode) -> JsonObject:
    value = node.value
    if "Resource" in lineage(node.path) and value.__class__ is dict:
        return {"resource": value}
    key = _value_names().get(node.path)
    if key is None:
        return _as_json(value_of(node))
    held = {key: value, f"_{key}": node.sibling}
    return {name: content for name, content in held.items() if content is not None}


def _named(name: str, value: JsonValue) -> JsonObject:
    return {_value_names()[name]: value}


def _is_of_fhir(item: Any) -> bool:
    """Whether FHIR could hold a System value: a time has seconds, after a date an offset too."""
    if isinstance(item, Temporal):
        precision = len(item.parts)
        if item.kind == "time":
            return precision == _CLOCK
        return precision <= _DATE or (precision == _DATE_AND_CLOCK and item.offset is not None)
    if item.__class__ is int:
        return abs(item) <= _INTEGER_MAX
    return item.__class__ is not TypeInfo


def _as_json(value: JsonValue) -> JsonObject:
    text = write_json(value).decode()
    return {"extension": [{"url": JSON_VALUE, "valueString": text}]}


@cache
def _value_names() -> Mapping[str, str]:
    """Give the JSON name of a parameter's value by type."""
    elements = r4().node("Parameters.parameter").elements.values()
    return {each.type: each.name for each in elements if each.base_name == "value"}


def value_types() -> Mapping[str, str]:
    """Give the type of a parameter's value by JSON name, e.g. "valueHumanName": "HumanName"."""
    return {name: type_ for type_, name in _value_names().items()}
