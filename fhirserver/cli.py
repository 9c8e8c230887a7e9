"""The command `fhirserver`: a table of subcommands, one module each in `fhirserver.commands`.

A command's module has HELP (one line), maybe EXAMPLES, `add_arguments(parser)` and `run(args)`,
which returns the exit code. Only the module of the command that was asked for is imported.

Exit codes:
    0    done
    1    the work failed, or a check found something; the message says what and what to do
    2    the command line or a setting is wrong
    130  interrupted by Ctrl-C
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version
from types import ModuleType

from fhirserver.commands.command_error import CommandError, said
from fhirserver.commands.reachable import database_error
from fhirserver.errors import FhirError

COMMANDS = {
    "serve": "run the server",
    "migrate": "bring a database's schema up to date",
    "client": "register, approve and shut out applications",
    "keys": "list and rotate the keys that sign identities",
    "load": "load FHIR files into a server's database",
    "export": "write everything as NDJSON files, one per type",
    "backup": "copy a database, beside whatever writes to it",
    "restore": "bring a backup back, as it was or up to a point in time",
    "verify": "check that bodies, versions, index rows and references agree",
    "audit": "check the audit trail, and report from it",
    "reindex": "bring index rows up to date",
    "validate": "check FHIR files against R4",
    "ucum": "check a UCUM unit, convert a value",
    "fhirpath": "evaluate FHIRPath on FHIR files",
    "user": "make and change accounts of people who log in",
    "token": "issue an access token, for trying out and for scripts",
    "sample-data": "write synthetic patients",
    "demo-users": "make an account of every role for the synthetic patients",
    "doctor": "check this machine and installation",
}
"""What `fhirserver --help` lists, in the order of a newcomer's needs."""

INTERNAL_COMMANDS = ("worker",)
"""Started by `serve`; not listed."""

_EPILOG = """\
examples:
  fhirserver sample-data | fhirserver load -    a hundred synthetic patients
  fhirserver demo-users                         somebody of every role, who can log in
  fhirserver serve                              a server for this machine only, at port 8080
  fhirserver serve --help                       what a command takes
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; defaults to the process's own.

    Returns:
        The exit code.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if list(arguments) == ["--version"]:
        sys.stdout.write(f"fhirserver {version('fhirserver')}\n")
        return 0
    parser = _parser(arguments)
    args = parser.parse_args(arguments)
    try:
        return int(args.run(args))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    except CommandError as error:
        sys.stderr.write(f"fhirserver {args.command}: {error}\n")
        return error.exit_code
    except Exception as error:
        message = _message(error)
        if message is None:
            raise
        sys.stderr.write(f"fhirserver {args.command}: {message}\n")
        return 1


def _message(error: Exception) -> str | None:
    """Say what went wrong outside of this program; None for what is its own fault."""
    if isinstance(error, OSError | RuntimeError | FhirError):
        return said(error)
    return database_error(error)


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fhirserver",
        description="A FHIR R4 server on PostgreSQL.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print it and end")
    wanted = next((word for word in arguments if not word.startswith("-")), None)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == wanted:
            _complete(subparser, name)
    for name in INTERNAL_COMMANDS:
        if name == wanted:
            _complete(subparsers.add_parser(name), name)
    return parser


def _complete(parser: argparse.ArgumentParser, name: str) -> None:
    module = load_command(name)
    parser.description = module.__doc__
    parser.epilog = getattr(module, "EXAMPLES", None)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


def load_command(name: str) -> ModuleType:
    """Import the module of a command, e.g. "sample-data"."""
    return importlib.import_module(f"fhirserver.commands.{name.replace('-', '_')}")


if __name__ == "__main__":
    sys.exit(main())
