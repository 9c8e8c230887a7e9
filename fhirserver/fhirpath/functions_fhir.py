"""What FHIR adds to FHIRPath, and the functions that look at types, trees and the clock.

Spec: https://hl7.org/fhir/R4/fhirpath.html#functions
"""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from fhirserver.definitions import r4
from fhirserver.fhirpath.context import Context
from fhirserver.fhirpath.errors import FhirPathError
from fhirserver.fhirpath.function_table import (
    Builder,
    Compile,
    FunctionDef,
    Run,
    eager,
    heavy,
    need_text,
    whole,
)
from fhirserver.fhirpath.navigation import children, descendants
from fhirserver.fhirpath.paths import compile_member
from fhirserver.fhirpath.syntax import Expr
from fhirserver.fhirpath.temporal import Temporal
from fhirserver.fhirpath.type_system import is_type, parse_type, reflect
from fhirserver.fhirpath.values import Collection, ElementNode, single
from fhirserver.model.reference import parse_reference

_BASE = re.compile(r"https?://.*/(?=[A-Z][A-Za-z]*/[^/]+(?:/_history/[^/]+)?$)", re.ASCII)
_STRUCTURE = "http://hl7.org/fhir/StructureDefinition/"


def _extension(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    every, url = compile_member(source, "extension"), compiler.operand(arguments[0])

    def run(this: Collection, context: Context) -> Collection:
        wanted = single(url(this, context))
        return [
            item
            for item in every(this, context)
            if item.value.__class__ is dict and item.value.get("url") == wanted
        ]

    return run


def _has_extension(compiler: Compile, source: Run, arguments: tuple[Expr, ...]) -> Run:
    extension = _extension(compiler, source, arguments)
    return lambda this, context: [bool(extension(this, context))]


def has_value(items: Collection) -> bool:
    """Tell whether the input is one primitive with a value."""
    if len(items) != 1:
        return False
    item = items[0]
    if item.__class__ is ElementNode:
        return item.value is not None and item.value.__class__ is not dict
    return True


def _get_value(items: Collection) -> Collection:
    return [single(items)] if has_value(items) else []


def _resolve(_compiler: Compile, source: Run, _arguments: tuple[Expr, ...]) -> Run:
    def run(this: Collection, context: Context) -> Collection:
        found = []
        items = source(this, context)
        context.spend(len(items))
        for item in items:
            text = _reference_text(item)
            node = None if text is None else _resolve_text(text, context)
            if node is not None:
                found.append(node)
        return found

    return run


def _reference_text(item: Any) -> str | None:
    value = item.value if item.__class__ is ElementNode else item
    if value.__class__ is dict:
        value = value.get("reference")
    return value if value.__class__ is str else None


def _resolve_text(text: str, context: Context) -> ElementNode | None:
    if text.startswith("#"):
        return _contained(text[1:], context)
    resource = context.resolve(text) if context.resolve is not None else None
    if resource is not None:
        return ElementNode(resource, resource["resourceType"])
    if context.resolve is not None:
        return None
    base = _BASE.match(text)
    parsed = parse_reference(text if base is None else text[base.end() :])
    if parsed is None or not r4().is_resource_type(parsed.type):
        return None
    return ElementNode({"resourceType": parsed.type, "id": parsed.id}, parsed.type)


def _contained(name: str, context: Context) -> ElementNode | None:
    root = context.root_resource or context.resource or next(iter(context.focus), None)
    if root.__class__ is not ElementNode or root.value.__class__ is not dict:
        return None
    if not name:
        return root
    contained = root.value.get("contained", ())
    context.spend(len(contained))
    for resource in contained:
        if resource.get("id") == name:
            return ElementNode(resource, resource["resourceType"])
    return None


def _conforms_to(items: Collection, url: Collection) -> Collection:
    canonical = need_text(single(url))
    name = canonical.removeprefix(_STRUCTURE)
    if name == canonical:
        raise FhirPathError(f"the profile {canonical} is not known")
    wanted = parse_type(name)
    return [is_type(items[0], wanted)] if len(items) == 1 else []


def _check_modifiers(items: Collection, *known: Collection) -> Collection:
    """Pass the input on if it has no modifier extensions but those that are told."""
    urls = {need_text(single(each)) for each in known if each}
    for item in items:
        value = item.value if item.__class__ is ElementNode else None
        modifiers = value.get("modifierExtension", ()) if value.__class__ is dict else ()
        for extension in modifiers:
            if extension.get("url") not in urls:
                raise FhirPathError("an element has a modifier extension that is not expected")
    return items


def _html_checks(items: Collection) -> Collection:
    from fhirserver.fhirpath.narrative import is_plain_narrative

    return [all(is_plain_narrative(item.value) for item in items if item.__class__ is ElementNode)]


def _now(moment: datetime) -> Temporal:
    second = Decimal(moment.microsecond // 1000).scaleb(-3) + moment.second
    offset = int((moment.utcoffset() or timedelta()).total_seconds() // 60)
    date = (moment.year, moment.month, moment.day)
    return Temporal("dateTime", (*date, moment.hour, moment.minute, second), offset)


def _today(moment: datetime) -> Temporal:
    return Temporal("date", (moment.year, moment.month, moment.day))


def _time_of_day(moment: datetime) -> Temporal:
    return Temporal("time", _now(moment).parts[3:])


def _clock(read: Callable[[datetime], Temporal]) -> FunctionDef:
    def build(_compiler: Compile, _source: Run, _arguments: tuple[Expr, ...]) -> Run:
        return lambda _this, context: [read(context.instant())]

    return FunctionDef(build, 0, 0)


def _navigated(step: Run) -> Builder:
    return lambda _compiler, source, _arguments: (
        lambda this, context: step(source(this, context), context)
    )


FHIR_FUNCTIONS: dict[str, FunctionDef] = {
    "checkModifiers": eager(_check_modifiers, 0, 100),
    "children": FunctionDef(_navigated(children), 0, 0),
    "conformsTo": eager(_conforms_to, 1),
    "descendants": FunctionDef(_navigated(descendants), 0, 0),
    "extension": FunctionDef(_extension, 1, 1),
    "getValue": whole(_get_value),
    "hasExtension": FunctionDef(_has_extension, 1, 1),
    "hasValue": whole(lambda items: [has_value(items)]),
    "htmlChecks": heavy(_html_checks, 0),
    "now": _clock(_now),
    "resolve": FunctionDef(_resolve, 0, 0),
    "timeOfDay": _clock(_time_of_day),
    "today": _clock(_today),
    "type": whole(reflect),
}
