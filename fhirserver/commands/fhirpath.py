"""Evaluate a FHIRPath expression on files of FHIR resources; needs no database."""

import argparse
import sys
from collections.abc import Iterator
from typing import Any

from fhirserver.commands.command_error import CommandError, fail_on_path
from fhirserver.commands.sources import Item, find_sources, read_items
from fhirserver.errors import FhirError
from fhirserver.fhirpath import (
    Context,
    ElementNode,
    Expression,
    FhirPathError,
    compile_expression,
    root_node,
    to_system,
)
from fhirserver.fhirpath.context import RESERVED
from fhirserver.fhirpath.contexts import Evaluated, evaluate_each, find_places
from fhirserver.fhirpath.errors import line_and_column
from fhirserver.fhirpath.functions_conversion import to_text
from fhirserver.fhirpath.parts import type_label, value_of
from fhirserver.model.json import JsonObject, write_json
from fhirserver.validation.shape import shape_faults

EXAMPLES = """\
examples:
  fhirserver fhirpath "name.where(use = 'official').given" patient.json
  fhirserver fhirpath code.coding.code observations.ndjson --json
  fhirserver fhirpath "given.first()" patient.json --context name
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("expression", metavar="EXPRESSION", help="FHIRPath")
    parser.add_argument("path", metavar="FILE", help="file, directory, or - for stdin")
    parser.add_argument(
        "--context", metavar="EXPRESSION", help="evaluate on each item that this finds"
    )
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=TEXT", help="%%NAME; may be repeated"
    )
    parser.add_argument("--trace", action="store_true", help="show what trace() sees on stderr")
    parser.add_argument("--json", action="store_true", help="an object a line")


def run(args: argparse.Namespace) -> int:
    """Print an item of the result a line; 1 where a resource is wrong or does not fit."""
    expression = _compiled("the expression", args.expression)
    within = None if args.context is None else _compiled("--context", args.context)
    variables = _variables(args.var)
    failed = False
    for item in _items(args.path):
        try:
            for found in _evaluated(item, expression, within, variables):
                _print(item.place, found, args)
        except _UnfitError as error:
            failed = True
            sys.stderr.write(f"{item.place}: {error}\n")
    return int(failed)


class _UnfitError(Exception):
    """A resource is wrong, or the expression does not fit it."""


def _compiled(name: str, source: str) -> Expression:
    try:
        return compile_expression(source, located=True)
    except FhirPathError as error:
        raise CommandError(f"{name}: {_told(error, source)}", exit_code=2) from None


def _told(error: FhirPathError, source: str) -> str:
    if error.position is None:
        return error.message
    return "line {}, column {}: {}".format(*line_and_column(source, error.position), error.message)


def _variables(given: list[str]) -> dict[str, Any]:
    found = {}
    for each in given:
        name, separator, text = each.partition("=")
        if not separator or not name:
            raise CommandError(f"--var {each!r}: use NAME=TEXT", exit_code=2)
        if name in RESERVED:
            raise CommandError(f"--var: %{name} is FHIRPath's own; name it otherwise", exit_code=2)
        found[name] = ElementNode(text, "string")
    return found


def _items(path: str) -> Iterator[Item]:
    try:
        if path == "-":
            yield _whole_input()
            return
        found = find_sources([path])
        found.report_left_out()
        for source in found.sources:
            yield from read_items(source)
    except (OSError, ValueError) as error:
        fail_on_path(error)


def _whole_input() -> Item:
    """Take standard input as one resource, however it is laid out."""
    raw = sys.stdin.buffer.read()
    return Item("stdin", 1, raw, len(raw), is_xml=raw.lstrip().startswith(b"<"))


def _evaluated(
    item: Item, expression: Expression, within: Expression | None, variables: dict[str, Any]
) -> list[Evaluated]:
    """Evaluate on one resource.

    Raises:
        _UnfitError: with what is wrong.
    """
    focus = root_node(_resource(item))
    context = Context(focus, variables=variables)
    source = expression.source if within is None else within.source
    try:
        places = find_places(within, [focus], context)
        source = expression.source
        return list(evaluate_each(expression, places, context))
    except FhirPathError as error:
        raise _UnfitError(_told(error, source)) from None


def _resource(item: Item) -> JsonObject:
    try:
        content = item.parse()
    except FhirError as error:
        raise _UnfitError(str(error)) from None
    if not isinstance(content, dict):
        raise _UnfitError("a resource is a JSON object; this is none")
    for issue in shape_faults(content)[:1]:
        raise _UnfitError(f"{', '.join(issue.expression)}: {issue.diagnostics}")
    return content


def _print(place: str, found: Evaluated, args: argparse.Namespace) -> None:
    if args.trace:
        where = place if found.place is None else f"{place}: {found.place}"
        for name, items in found.traces:
            sys.stderr.write(f"{where}: {name}: {', '.join(map(_plain, items))}\n")
    for item in found.items:
        if args.json:
            line = {
                "place": place,
                "context": found.place,
                "type": type_label(item),
                "value": value_of(item),
            }
            sys.stdout.write(write_json(line).decode() + "\n")
        else:
            sys.stdout.write(_plain(item) + "\n")


def _plain(item: Any) -> str:
    """Write an item for a person: values as FHIRPath's toString() does, the rest as JSON."""
    text = to_text(to_system(item))
    return write_json(value_of(item)).decode() if text is None else text
