"""List our own suites, or write them down as TestScripts, which other engines run too.

Most of a suite is made from what a server's CapabilityStatement claims, so writing needs --base.
"""

import argparse
import sys
from pathlib import Path

from fhirserver_conformance.commands.options import add_server_options, run_settings
from fhirserver_conformance.commands.usage import UsageError
from fhirserver_conformance.engine.settings import RunSettings
from fhirserver_conformance.suites import SUITES, write_suite

EXAMPLES = """\
examples:
  fhir-conformance suites
  fhir-conformance suites search rest --export scripts/ --base http://127.0.0.1:8080/fhir
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="these only")
    parser.add_argument(
        "--export", metavar="DIR", type=Path, help="write them into this folder, a folder each"
    )
    add_server_options(parser, required=False)
    parser.set_defaults(fhirpath="own", parallel=1, validator=None, variable=[], confine=False)


def run(arguments: argparse.Namespace) -> int:
    """List, or write.

    Raises:
        UsageError: no such suite, no --base where one is needed, or nothing to be had from it.
        LoginError: no access token is to be had.
    """
    unknown = [name for name in arguments.names if name not in SUITES]
    if unknown:
        raise UsageError(f"{', '.join(unknown)}: none of our suites, which are {', '.join(SUITES)}")
    names = arguments.names or list(SUITES)
    if arguments.export is None:
        width = max(len(name) for name in SUITES)
        lines = (f"{name:<{width}}  {SUITES[name].summary}\n" for name in names)
        sys.stdout.writelines(lines)
        return 0
    if not arguments.base:
        raise UsageError("--export needs --base, the server that the suites are made for")
    chosen = arguments.names or [name for name in SUITES if name != "all"]
    _export(chosen, run_settings(arguments), arguments.export)
    return 0


def _export(names: list[str], settings: RunSettings, folder: Path) -> None:
    for name in names:
        place = folder / name
        try:
            count = write_suite(name, settings, place)
        except OSError as error:
            raise UsageError(f"{error.filename or place}: {error.strerror or error}") from None
        except ValueError as error:
            raise UsageError(str(error)) from None
        sys.stdout.write(f"{place}: {count} scripts\n")
