"""A JSON Schema made from the element tables: a second opinion on structure and values.

It shares nothing with `fhirserver.validation` but the definitions: another engine walks it, and
texts are matched with the regular expressions that the specification publishes.
"""

from decimal import Decimal
from typing import Any

from jsonschema import Draft202012Validator, validators
from jsonschema.protocols import Validator

from fhirserver.definitions import Definitions, Element

JsonObject = dict[str, Any]

_RANGES = {
    "integer": (-2147483648, 2147483647),
    "positiveInt": (1, 2147483647),
    "unsignedInt": (0, 2147483647),
}
_UNCHECKED_TEXTS = ("base64Binary", "xhtml")
"""The published expression for base64 takes exponential time; xhtml has none."""


def schema_of(type: str, definitions: Definitions) -> JsonObject:
    """Build the schema of a resource type, with those of all types it can hold but resources."""
    nodes: JsonObject = {}
    _add_node(type, nodes, definitions)
    nodes[type]["properties"]["resourceType"] = {"const": type}
    return {"$ref": f"#/$defs/{type}", "$defs": nodes}


def validator_of(schema: JsonObject) -> Validator:
    """Compile a schema; Decimals count as numbers, and only ints as integers."""
    checker = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "number": lambda _, value: (
                isinstance(value, int | Decimal) and not isinstance(value, bool)
            ),
            "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
        }
    )
    return validators.extend(Draft202012Validator, type_checker=checker)(schema)


def _add_node(path: str, nodes: JsonObject, definitions: Definitions) -> None:
    if path in nodes:
        return
    node = definitions.node(path)
    nodes[path] = schema = {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": False,
        "properties": {},
        "allOf": [],
    }
    for element in node.elements.values():
        schema["properties"][element.name] = _repeated(_item(element, nodes, definitions), element)
        if element.is_primitive and not element.is_xml_attribute:
            _add_node("Element", nodes, definitions)
            beside = {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/Element"}]}
            beside = beside if element.is_list else {"$ref": "#/$defs/Element"}
            schema["properties"]["_" + element.name] = _repeated(beside, element)
    for choice in node.choices:
        forms = [_any_of(name) for name in choice.names]
        schema["allOf"].append({"oneOf": [*forms, {"not": {"anyOf": forms}}]})
    for choice in node.required:
        schema["allOf"].append({"anyOf": [_any_of(name) for name in choice.names]})


def _any_of(name: str) -> JsonObject:
    return {"anyOf": [{"required": [name]}, {"required": ["_" + name]}]}


def _repeated(item: JsonObject, element: Element) -> JsonObject:
    return {"type": "array", "minItems": 1, "items": item} if element.is_list else item


def _item(element: Element, nodes: JsonObject, definitions: Definitions) -> JsonObject:
    if element.is_resource:
        return {"type": "object", "required": ["resourceType"]}
    if element.is_primitive:
        primitive = _primitive(element, definitions)
        return {"anyOf": [{"type": "null"}, primitive]} if element.is_list else primitive
    assert element.node_path is not None
    _add_node(element.node_path, nodes, definitions)
    return {"$ref": f"#/$defs/{element.node_path}"}


def _primitive(element: Element, definitions: Definitions) -> JsonObject:
    if element.type == "boolean":
        return {"type": "boolean"}
    if element.type == "decimal":
        return {"type": "number"}
    if element.type in _RANGES:
        lowest, highest = _RANGES[element.type]
        return {"type": "integer", "minimum": lowest, "maximum": highest}
    schema: JsonObject = {"type": "string", "minLength": 1}
    regex = definitions.type_def(element.type).regex
    if regex is not None and element.type not in _UNCHECKED_TEXTS:
        schema["pattern"] = rf"\A(?:{regex})\Z"
    if element.binding_strength == "required" and element.binding_url is not None:
        value_set = definitions.value_set(element.binding_url)
        if value_set is not None:
            schema["enum"] = sorted({code for codes in value_set.values() for code in codes})
    return schema
