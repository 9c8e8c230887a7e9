"""Bring the index rows of a database up to date: extractor and search parameters of one's own.

Resources whose rows an older extractor made are extracted again, a few hundred at a time beside
the running server, and only what differs is written. An interrupted run goes on where it stopped.
"""

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from fhirserver.commands.options import (
    CommandError,
    add_store_options,
    reach_database,
    settings_from,
)
from fhirserver.commands.progress import Progress
from fhirserver.config import Settings
from fhirserver.model.json import JsonValue

if TYPE_CHECKING:
    from fhirserver.store.database import Database

EXAMPLES = """\
examples:
  fhirserver reindex --data-dir data
  fhirserver reindex --types Patient,Observation    these even where they are up to date
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_store_options(parser)
    parser.add_argument(
        "--types", default="", metavar="A,B", help="extract these again whatever made their rows"
    )
    parser.add_argument(
        "--public-url",
        metavar="URL",
        help="FHIR base that the server runs under; absolute references below it are local",
    )


def run(args: argparse.Namespace) -> int:
    """Reindex and say how much was different."""
    from fhirserver.definitions import r4

    types = [name for name in args.types.split(",") if name]
    unknown = [name for name in types if name not in r4().resource_types]
    if unknown:
        raise CommandError(f"--types: {', '.join(unknown)} is no resource type of R4", exit_code=2)
    settings = settings_from(args, public_url=args.public_url)
    with reach_database(settings) as url:
        rewritten = _reindex(replace(settings, database_url=url), types)
    sys.stdout.write(f"{rewritten:,} resources had other index rows\n")
    return 0


def _reindex(settings: Settings, types: list[str]) -> int:
    from fhirserver.definitions import Definitions
    from fhirserver.search.extract import IndexRows, extract
    from fhirserver.store.database import Database
    from fhirserver.store.reindex import reindex_step
    from fhirserver.store.search_reindex import search_parameter_step

    database = Database(settings.database_url, full_text=settings.full_text)

    def rows_under(resource: JsonValue, definitions: Definitions) -> IndexRows:
        return extract(resource, definitions=definitions, base_url=settings.public_url)

    def rows_of(resource: JsonValue) -> IndexRows:
        return rows_under(resource, database.definitions)

    progress = Progress("reindex", 0)
    rewritten, after = 0, 0
    try:
        database.current_definitions()
        while True:
            step = reindex_step(database, rows_of, after=after, types=types)
            progress.advance(step.looked_at, 0)
            rewritten += step.rewritten
            if step.after is None:
                break
            after = step.after
        while search_parameter_step(database, rows_under):
            pass
        _tell_waiting(database)
    finally:
        database.close()
    progress.finish()
    return rewritten


def _tell_waiting(database: "Database") -> None:
    """Name the search parameters that something older keeps waiting."""
    from fhirserver.store.search_registry import read_status

    with database.connection() as connection:
        for each in read_status(connection):
            if each.state != "active":
                sys.stderr.write(
                    f"SearchParameter/{each.id}, {each.code} of {each.base}: {each.state}; "
                    "older transactions or searches are waited for, run this again later\n"
                )
