"""Check files against base R4 without storing anything."""

import argparse
import sys

from fhirserver.commands.progress import Progress
from fhirserver.commands.sources import Item, find_sources, read_items
from fhirserver.errors import FhirError, Issue
from fhirserver.model.json import parse_json, write_json

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
        sources = find_sources(args.paths)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"fhirserver validate: {error}\n")
        return 2
    progress = Progress("validate", sum(source.size_bytes for source in sources))
    errors = before = 0
    for source in sources:
        for item in read_items(source):
            issues = check(item.raw)
            errors += sum(issue.severity in ("error", "fatal") for issue in issues)
            for issue in issues:
                _print(item, issue, as_json=args.json)
            progress.advance(1, before + item.offset_bytes)
        before += source.size_bytes
    progress.finish()
    return 1 if errors else 0


def check(raw: bytes) -> list[Issue]:
    """Parse and validate one resource; a body that cannot be parsed gives its one issue."""
    from fhirserver.validation import validate

    try:
        resource = parse_json(raw)
    except FhirError as error:
        return list(error.issues)
    return validate(resource)


def _print(item: Item, issue: Issue, *, as_json: bool) -> None:
    if as_json:
        line = {
            "place": item.place,
            "severity": issue.severity,
            "code": issue.code,
            "expression": list(issue.expression),
            "diagnostics": issue.diagnostics,
        }
        sys.stdout.write(write_json(line).decode() + "\n")
    else:
        where = ", ".join(issue.expression)
        sys.stdout.write(f"{item.place}: {issue.severity}: {where}: {issue.diagnostics}\n")
