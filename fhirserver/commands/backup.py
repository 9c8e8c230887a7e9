"""Back a database up beside whatever writes to it, into a new folder.

Everything is in it that was acknowledged before it began: current and earlier versions, audit,
outbox, jobs; with the embedded PostgreSQL also the keys beside it. `fhirserver restore` brings it
back. It holds patients' data: keep it where only you can read it, and encrypt what leaves.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fhirserver.commands.options import (
    NO_DATABASE_REMEDY,
    CommandError,
    add_store_options,
    settings_from,
)
from fhirserver.commands.reachable import check_reachable
from fhirserver.running import read_note

EXAMPLES = """\
examples:
  fhirserver backup --data-dir data --output /backups/monday
  fhirserver backup --database-url postgresql://fhir@db.example/fhir --output /backups/monday
"""
_ANOTHER = "a PostgreSQL of your own: name that with --database-url"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--output", required=True, metavar="DIR", help="a folder that is new")
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Make the backup, and say what it holds."""
    from fhirserver.store.backup import new_folder, write_manifest
    from fhirserver.store.backup_cluster import back_up_cluster
    from fhirserver.store.backup_dump import back_up_dump

    settings = settings_from(args)
    output = Path(args.output).absolute()
    data_dir, public_url = Path(settings.data_dir), settings.public_url
    if not settings.database_url:
        _check_apart(output, data_dir)
    with new_folder(output) as folder:
        if settings.database_url:
            check_reachable(settings.database_url)
            manifest = back_up_dump(settings.database_url, folder, public_url)
        else:
            with _embedded(data_dir) as url:
                manifest = back_up_cluster(url, data_dir, folder, public_url)
        write_manifest(folder, manifest)
    size_bytes = sum(file.size for file in manifest.files.values())
    rows = ", ".join(f"{count:,} rows of {table}" for table, count in manifest.counts.items())
    sys.stderr.write(f"backup: {rows}; {size_bytes / 1e6:,.1f} MB\n")
    sys.stdout.write(f"{output}\n")
    return 0


def _check_apart(output: Path, data_dir: Path) -> None:
    """See that a backup will not be part of the next, and be lost with the database."""
    cluster = (data_dir / "postgres").resolve()
    if output.resolve().is_relative_to(cluster):
        message = (
            f"--output {output} lies in the database itself, {cluster}: name a folder elsewhere"
        )
        raise CommandError(message, exit_code=2)


@contextmanager
def _embedded(data_dir: Path) -> Iterator[str]:
    """Give the URL of the embedded PostgreSQL with its schema as it is: upgrades begin here."""
    from fhirserver.store.embedded import EmbeddedPostgres, holds_database, leads_to

    running = read_note(data_dir)
    if running is not None:
        if not leads_to(running.database, data_dir):
            raise CommandError(f"the server on {data_dir} has {_ANOTHER}", exit_code=2)
        yield running.database
        return
    if not holds_database(data_dir):
        raise CommandError(f"{data_dir} holds no database. {NO_DATABASE_REMEDY}")
    with EmbeddedPostgres(data_dir) as postgres:
        yield postgres.url
