"""Runs one case of the official FHIRPath suite (FHIR/fhir-test-cases, tests-fhir-r4).

A case has an expression, an input file, and either outputs or the kind of its error: "syntax",
"execution", or "semantic", which a strict evaluation finds.
"""

import re
import xml.etree.ElementTree as ET
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

from fhirserver.definitions import r4
from fhirserver.fhirpath import (
    Context,
    ElementNode,
    FhirPathError,
    Quantity,
    compile_expression,
    root_node,
    to_system,
)
from fhirserver.model.json import parse_json
from fhirserver.model.xml import parse_xml

JsonObject = dict[str, Any]

_FHIR = "{http://hl7.org/fhir}"
_QUANTITY = re.compile(r"([-+0-9.]+)\s*'?([^']*?)'?")


def failure(case: JsonObject, inputs: Path) -> str | None:
    """Say how a case fails; None if it passes."""
    try:
        found = _evaluate(case, inputs)
    except FhirPathError as error:
        return None if case["invalid"] else f"raised {error}"
    if case["predicate"] == "true":
        found = [bool(found)]
    outputs = case["outputs"]
    if case["invalid"] and not outputs:
        return f"accepted, gave {[_text(item) for item in found]}"
    if len(found) == len(outputs) and all(map(_is_as_told, found, outputs)):
        return None
    told = [output["value"] for output in outputs]
    return f"gave {[_text(item) for item in found]}, not {told}"


def _evaluate(case: JsonObject, inputs: Path) -> list[Any]:
    focus = root_node(_load(inputs / case["input"]) if case["input"] else {})
    strict = case["invalid"] == "semantic" or case["mode"] == "strict"
    expression = compile_expression(case["expression"])
    return expression.evaluate(focus, Context(focus, strict=strict))


@cache
def _load(path: Path) -> JsonObject:
    content: JsonObject
    if path.suffix == ".json":
        content = parse_json(path.read_bytes())
    else:
        content = parse_xml(_in_order(path.read_bytes()), r4())
    return content


def _in_order(raw: bytes) -> bytes:
    """Bring the root's children into the order of the specification, which one input breaks."""
    ET.register_namespace("", "http://hl7.org/fhir")
    root = ET.fromstring(raw)
    elements = r4().node(root.tag.removeprefix(_FHIR)).elements.values()
    order = {name: item.order for item in elements for name in (item.name, item.base_name)}
    root[:] = sorted(root, key=lambda child: order[child.tag.removeprefix(_FHIR)])
    return ET.tostring(root)


def _is_as_told(item: Any, output: JsonObject) -> bool:
    told: str = output["value"] or ""
    text = _text(item)
    match output["type"]:
        case "integer" | "decimal":
            try:
                return Decimal(text) == Decimal(told)
            except InvalidOperation:
                return False
        case "Quantity":
            told_parts, parts = _QUANTITY.fullmatch(told), _QUANTITY.fullmatch(text)
            return bool(told_parts and parts and told_parts.groups() == parts.groups())
        case None | "date" | "dateTime" | "time":
            return text == told.removeprefix("@").removeprefix("T")
        case _:
            return text == told


def _text(item: Any) -> str:
    value = to_system(item)
    if value.__class__ is ElementNode:
        return str(value.value)
    if value.__class__ is Quantity:
        return f"{value.value} '{value.unit}'"
    if value.__class__ is bool:
        return str(value).lower()
    return format(value, "f") if value.__class__ is Decimal else str(value)
