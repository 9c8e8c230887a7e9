"""Write synthetic patients as NDJSON of transaction Bundles."""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from fhirserver.commands.progress import Progress
from fhirserver.model.json import write_json

EXAMPLES = """\
examples:
  fhirserver sample-data --patients 100 --output patients.ndjson
  fhirserver sample-data --patients 5000 --seed 7 | fhirserver load --data-dir data -
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--patients", type=int, default=100, metavar="N", help="default: 100")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="default: 1")
    parser.add_argument("--output", default="-", metavar="FILE", help="default: standard output")
    parser.add_argument(
        "--resources", action="store_true", help="a resource a line instead of a Bundle a line"
    )


def run(args: argparse.Namespace) -> int:
    """Write the sample; 2 where N is negative."""
    from fhirserver.samples import sample_bundles

    if args.patients < 0:
        sys.stderr.write("fhirserver sample-data: --patients must be 0 or more\n")
        return 2
    progress = Progress("sample-data", args.patients + 1)
    with _output(args.output) as out:
        for number, bundle in enumerate(sample_bundles(args.patients, args.seed), start=1):
            resources = [entry["resource"] for entry in bundle["entry"]]
            for value in resources if args.resources else [bundle]:
                out.write(write_json(value) + b"\n")
            progress.advance(len(resources), number)
    progress.finish()
    return 0


@contextmanager
def _output(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with Path(name).open("wb") as file:
            yield file
