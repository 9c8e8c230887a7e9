"""The command `fhir-conformance`: a table of subcommands, one module each.

A command's module has EXAMPLES, `add_arguments(parser)` and `run(arguments)`, which returns the
exit code. Only the module of the command that was asked for is imported.

Exit codes:
    0    no test failed
    1    a test failed or could not be judged
    2    the command line or a file is wrong, no log-in, or nothing to run
    130  interrupted, by Ctrl-C or SIGTERM
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version

from fhirserver_conformance.commands.usage import UsageError
from fhirserver_conformance.login.login_error import LoginError
from fhirserver_conformance.report.text import shown

COMMANDS = {
    "run": ("commands.run", "run suites against a FHIR server"),
    "suites": ("commands.suites", "list our own suites, or write them as TestScripts"),
    "public": ("commands.public", "run public suites against a fresh server of ours"),
}
"""Module and summary by name, in the order of a newcomer's needs."""

_EPILOG = """\
examples:
  fhir-conformance suites                                        what there is to run
  fhir-conformance run search --base http://127.0.0.1:8080/fhir  run it
  fhir-conformance run --help                                    what it takes
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        words: without the program's name; the process's own where None.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if words is None else words
    arguments = _parser(words).parse_args(words)
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    except (UsageError, LoginError) as error:
        sys.stderr.write(f"fhir-conformance {arguments.command}: {shown(str(error))}\n")
        return 2


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fhir-conformance",
        description="Runs TestScripts and other suites against any FHIR server.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"fhir-conformance {version('fhirserver')}"
    )
    wanted = next((word for word in words if not word.startswith("-")), None)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, (_, summary) in COMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == wanted:
            _complete(subparser, name)
    return parser


def _complete(parser: argparse.ArgumentParser, name: str) -> None:
    module = importlib.import_module(f"fhirserver_conformance.{COMMANDS[name][0]}")
    parser.description = module.__doc__
    parser.epilog = getattr(module, "EXAMPLES", None)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


if __name__ == "__main__":
    sys.exit(main())
