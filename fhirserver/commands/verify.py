"""Check that bodies, versions, index rows and references of a database agree.

Every resource is extracted again and compared with the index rows that are really there. The
database may be in use meanwhile: everything is read from one snapshot.
"""

import argparse
import sys
from contextlib import closing
from typing import TYPE_CHECKING

from fhirserver.commands.options import add_store_options, reach_database, settings_from
from fhirserver.commands.progress import Progress
from fhirserver.model.json import JsonValue, write_json

if TYPE_CHECKING:
    from fhirserver.definitions import FullText
    from fhirserver.store.verify import Report

EXAMPLES = """\
examples:
  fhirserver verify --data-dir data
  fhirserver verify --database-url postgresql://fhir@db.example/fhir --json
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_store_options(parser)
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="FHIR base that the server runs under; absolute references below it are local",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the report; 1 where anything was found."""
    settings = settings_from(args, public_url=args.public_url)
    with reach_database(settings) as url:
        report = check_database(url, settings.public_url, settings.full_text)
    found = _found(report)
    sys.stdout.write(write_json(found).decode() + "\n" if args.json else _text(found))
    return 0 if report.sound else 1


def check_database(url: str, public_url: str, full_text: "FullText") -> "Report":
    """Check everything that a database holds, and show how far it is.

    Args:
        url: of a database whose schema is up to date.
        public_url: FHIR base that tells which absolute references are local.
        full_text: which words are indexed, as in the settings.
    """
    from fhirserver.search.extract import IndexRows, extract, extractor_of
    from fhirserver.store.database import Database
    from fhirserver.store.verify import verify

    progress = Progress("verify", 0)
    with closing(Database(url, max_size=1, full_text=full_text)) as database:
        definitions = database.current_definitions()

    def rows_of(resource: JsonValue) -> IndexRows:
        return extract(resource, definitions=definitions, base_url=public_url)

    report = verify(
        url,
        definitions,
        extract=rows_of,
        extractor=extractor_of(definitions),
        progress=lambda checked: progress.advance(checked - progress.count, 0),
    )
    progress.finish()
    return report


def describe_report(report: "Report") -> str:
    """Write a report for a person."""
    return _text(_found(report))


def _found(report: "Report") -> dict[str, JsonValue]:
    return {
        "resources": report.resources,
        "versions": report.versions,
        "index_rows": report.rows,
        "references_to_nothing": report.dangling,
        "findings": dict(report.counts),
        "first": [
            {"place": finding.place, "rule": finding.rule, "detail": finding.detail}
            for finding in report.findings
        ],
    }


def _text(found: dict[str, JsonValue]) -> str:
    lines = [
        f"{found['resources']:,} resources checked",
        f"{found['versions']:,} versions and {found['index_rows']:,} index rows checked",
        f"{found['references_to_nothing']:,} references to what is not here",
        *(f"{count:,} x {rule}" for rule, count in found["findings"].items()),
        *(f"  {each['place']}: {each['rule']}: {each['detail']}" for each in found["first"]),
    ]
    if not found["findings"]:
        lines.append("everything agrees")
    return "\n".join(lines) + "\n"
