"""Bring a database's schema up to date.

`serve` does this by itself when it starts, for the embedded PostgreSQL and for one of yours; run it
before where the server's role may not change the schema, or to upgrade several servers one by one:
those of the previous version serve on. It waits for another process that migrates and never blocks
readers.
"""

import argparse
import sys

from fhirserver.commands.options import add_store_options, reach_database, settings_from
from fhirserver.commands.reachable import check_reachable

EXAMPLES = """\
examples:
  fhirserver migrate --database-url postgresql://fhir@db.example/fhir
  fhirserver migrate --data-dir data
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Migrate and name the revision."""
    from fhirserver.store.migrate import migrate

    settings = settings_from(args)
    if settings.database_url:
        check_reachable(settings.database_url)
        revision = migrate(settings.database_url)
    else:
        with reach_database(settings) as url:
            revision = migrate(url)
    sys.stdout.write(f"the database is at schema revision {revision}\n")
    return 0
