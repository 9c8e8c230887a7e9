"""Write every resource as NDJSON, one file per type, from one snapshot."""

import argparse
import gzip
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, cast

from fhirserver.commands.options import (
    CommandError,
    add_store_options,
    reach_database,
    settings_from,
)
from fhirserver.commands.progress import Progress

EXAMPLES = """\
examples:
  fhirserver export --output exported/
  fhirserver export --output exported/ --types Patient,Observation --gzip
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="new or empty; made if missing"
    )
    parser.add_argument("--types", default="", metavar="A,B", help="default: all")
    parser.add_argument("--gzip", action="store_true", help="write Type.ndjson.gz")
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Export; files get their names only when they are complete."""
    import psycopg

    from fhirserver.definitions import r4
    from fhirserver.store.stream import stream_resources

    definitions = r4()
    types = [name for name in args.types.split(",") if name]
    unknown = [name for name in types if name not in definitions.resource_types]
    if unknown:
        raise CommandError(f"--types: {', '.join(unknown)} is no resource type of R4", exit_code=2)
    folder = Path(args.output)
    _check_folder(folder)
    counts: Counter[str] = Counter()
    progress = Progress("export", 0)
    with (
        reach_database(settings_from(args)) as url,
        psycopg.connect(url, autocommit=True) as connection,
        ExitStack() as stack,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        files: dict[int, BinaryIO] = {}
        wanted = [definitions.type_id(name) for name in types]
        for type_id, parts in stream_resources(connection, wanted):
            if type_id not in files:
                name = definitions.type_name(type_id)
                files[type_id] = stack.enter_context(_open(folder, name, packed=args.gzip))
            files[type_id].writelines(parts)
            files[type_id].write(b"\n")
            counts[definitions.type_name(type_id)] += 1
            progress.advance(1, 0)
    suffix = ".ndjson.gz" if args.gzip else ".ndjson"
    for name in counts:
        (folder / f".{name}.part").replace(folder / f"{name}{suffix}")
    progress.finish()
    for name, count in sorted(counts.items()):
        sys.stderr.write(f"  {name:32} {count:10,}\n")
    return 0


def _check_folder(folder: Path) -> None:
    """See that an export will not be mixed with what an earlier one left."""
    if folder.exists() and not folder.is_dir():
        raise CommandError(f"--output {folder} is a file: name a folder", exit_code=2)
    earlier = min((*folder.glob("*.ndjson"), *folder.glob("*.ndjson.gz")), default=None)
    if earlier is not None:
        message = f"--output {folder} holds an earlier export, such as {earlier.name}"
        raise CommandError(f"{message}: name an empty folder", exit_code=2)


def _open(folder: Path, name: str, *, packed: bool) -> BinaryIO:
    part = folder / f".{name}.part"
    return cast("BinaryIO", gzip.open(part, "wb")) if packed else part.open("wb")
