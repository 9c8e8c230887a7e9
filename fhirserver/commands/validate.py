"""Check files against base R4 without storing anything."""

import argparse
import sys
from collections.abc import Iterator

from fhirserver.commands.command_error import fail_on_path
from fhirserver.commands.progress import Progress
from fhirserver.commands.sources import (
    NO_OBJECT,
    Item,
    Source,
    UnreadableError,
    find_sources,
    read_items,
)
from fhirserver.errors import FhirError, Issue
from fhirserver.model.json import write_json

EXAMPLES = """\
examples:
  fhirserver validate patient.json
  fhirserver validate exported/ --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, directory, or - for stdin")
    parser.add_argument("--json", action="store_true", help="an issue a line, as JSON")


def run(args: argparse.Namespace) -> int:
    """Print every issue; 1 where an error was found, 2 where a path cannot be read."""
    try:
        found = find_sources(args.paths)
    except (OSError, ValueError) as error:
        fail_on_path(error)
    found.report_left_out()
    progress = Progress("validate", found.size_bytes)
    errors = before = 0
    for source in found.sources:
        for place, issues, offset_bytes in _checked(source):
            errors += sum(issue.severity in ("error", "fatal") for issue in issues)
            for issue in issues:
                _print(place, issue, as_json=args.json)
            progress.advance(1, before + offset_bytes)
        before += source.size_bytes
    progress.finish()
    return 1 if errors else 0


def _checked(source: Source) -> Iterator[tuple[str, list[Issue], int]]:
    """Give place, issues and position of every item, and of the end of a file that breaks off."""
    try:
        for item in read_items(source):
            yield item.place, check(item), item.offset_bytes
    except UnreadableError as error:
        issue = Issue("fatal", "incomplete", f"{error}.")
        yield source.name, [issue], source.size_bytes


def check(item: Item) -> list[Issue]:
    """Parse and validate one resource; a body that cannot be parsed gives its one issue."""
    from fhirserver.validation import validate

    try:
        resource = item.parse()
    except FhirError as error:
        return list(error.issues)
    if not isinstance(resource, dict):
        return [NO_OBJECT]
    return validate(resource)


def _print(place: str, issue: Issue, *, as_json: bool) -> None:
    if as_json:
        line = {
            "place": place,
            "severity": issue.severity,
            "code": issue.code,
            "expression": list(issue.expression),
            "diagnostics": issue.diagnostics,
        }
        sys.stdout.write(write_json(line).decode() + "\n")
    else:
        where = ", ".join(issue.expression)
        sys.stdout.write(f"{place}: {issue.severity}: {where}: {issue.diagnostics}\n")
