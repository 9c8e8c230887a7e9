"""The official FHIRPath suite (FHIR/fhir-test-cases, tests-fhir-r4), on both FHIRPath engines.

A case has an expression, an input file, and either outputs or the kind of its error: "syntax",
"execution", or "semantic", which a strict evaluation finds. The server is asked nothing: R4 has no
operation for it. Where the other library differs from the suite, that is advice.

Spec: http://hl7.org/fhirpath/N1/index.html
"""

from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from functools import cache, partial
from pathlib import Path
from typing import Any

from lxml import etree

from fhirserver.definitions import r4
from fhirserver.errors import FhirError
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
from fhirserver_conformance.public.cases import (
    DataError,
    JsonObject,
    Site,
    as_script,
    case,
    checked,
    read_json_lines,
    skipped,
)
from fhirserver_conformance.results import ScriptResult, TestResult, Verdict

SUITE = "fhirpath"
_FHIR = "{http://hl7.org/fhir}"

Evaluate = Callable[[JsonObject, JsonObject], list[str]]
"""Gives a case's result on a resource, each item as text."""


class EvaluationError(Exception):
    """The expression has no result; the message is the engine's."""


def run(site: Site) -> Iterator[ScriptResult]:
    """Try every case on the engine of this project and, where it is installed, on fhirpathpy."""
    folder = site.data / SUITE
    for name, evaluate, verdict in _engines():
        cases = partial(_cases, folder, evaluate, verdict)
        yield as_script(site, SUITE, name, cases)


def failure(told: JsonObject, inputs: Path, evaluate: Evaluate) -> str | None:
    """Say how a case fails; None if it passes."""
    try:
        found = evaluate(told, _load(inputs / told["input"]) if told["input"] else {})
    except EvaluationError as error:
        return None if told["invalid"] else f"raised {error}"
    if told["predicate"] == "true":
        found = ["true" if found and found != ["false"] else "false"]
    outputs = told["outputs"]
    if told["invalid"] and not outputs:
        return f"accepted, gave {found}"
    if len(found) == len(outputs) and all(map(_is_as_told, found, outputs)):
        return None
    return f"gave {found}, not {[output['value'] for output in outputs]}"


def evaluate_own(told: JsonObject, resource: JsonObject) -> list[str]:
    """Evaluate with this project's engine. Raises EvaluationError."""
    focus = root_node(resource)
    strict = told["invalid"] == "semantic" or told["mode"] == "strict"
    try:
        expression = compile_expression(told["expression"])
        return [_text(item) for item in expression.evaluate(focus, Context(focus, strict=strict))]
    except FhirPathError as error:
        raise EvaluationError(str(error)) from error


def _engines() -> Iterator[tuple[str, Evaluate | None, Verdict]]:
    yield "own", evaluate_own, "fail"
    try:
        from fhirpathpy import evaluate
        from fhirpathpy.models import models
    except ImportError:
        yield "fhirpathpy", None, "skip"
        return

    options = {"traceFn": lambda *_: None}

    def evaluate_other(told: JsonObject, resource: JsonObject) -> list[str]:
        try:
            found = evaluate(resource, told["expression"], {}, models["r4"], options)
        except Exception as error:  # the library raises whatever its code meets
            raise EvaluationError(repr(error)) from error
        return [_text(item) for item in found]

    yield "fhirpathpy", evaluate_other, "warning"


def _cases(folder: Path, evaluate: Evaluate | None, otherwise: Verdict) -> Iterator[TestResult]:
    for told in read_json_lines(folder / "cases.jsonl"):
        name = f"{told['group']}/{told['name']}"
        if evaluate is None:
            yield skipped(name, "fhirpathpy is not installed: pip install 'fhirserver[fhirpathpy]'")
            continue
        complaint = failure(told, folder / "input", evaluate)
        yield case(name, told["expression"], checked("result", complaint, otherwise=otherwise))


@cache
def _load(path: Path) -> JsonObject:
    content: JsonObject
    try:
        raw = path.read_bytes()
        content = parse_json(raw) if path.suffix == ".json" else parse_xml(_in_order(raw), r4())
    except (OSError, KeyError, FhirError, etree.XMLSyntaxError) as error:
        raise DataError(f"{path.name} cannot be read: {error}; fetch the suite again") from error
    return content


def _in_order(raw: bytes) -> bytes:
    """Bring the root's children into the order of the specification, which one input breaks."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True)
    root = etree.fromstring(raw, parser)
    elements = r4().node(root.tag.removeprefix(_FHIR)).elements.values()
    order = {name: item.order for item in elements for name in (item.name, item.base_name)}
    root[:] = sorted(root, key=lambda child: order[child.tag.removeprefix(_FHIR)])
    content: bytes = etree.tostring(root)
    return content


def _is_as_told(text: str, output: JsonObject) -> bool:
    told: str = output["value"] or ""
    match output["type"]:
        case "integer" | "decimal":
            try:
                return Decimal(text) == Decimal(told)
            except InvalidOperation:
                return False
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
