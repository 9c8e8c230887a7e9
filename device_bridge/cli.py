"""The command `fhir-bridge`: a table of subcommands, one module each.

A command's module has EXAMPLES, `add_arguments(parser)` and `run(arguments)`, which returns the
exit code. Only the module of the command that was asked for is imported.

Exit codes:
    0    done
    1    the work failed, or a check found something; the message says what and what to do
    2    the command line, the configuration or a file is wrong
    130  interrupted by Ctrl-C
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from importlib.metadata import version

from fhirserver_device_bridge.commands.usage import UsageError

COMMANDS = {
    "run": "listen to devices, and bring what they say to the server",
    "sdc": "follow a provider of SDC, and tell a running bridge of it",
    "convert": "show a message, its readings and its FHIR; sends nothing",
    "status": "what waits, is held or was refused, by source",
    "devices": "whose devices are; give one to a patient, or take it back",
    "dead-letters": "list, show, edit and replay what was refused",
    "alarms": "list, show and acknowledge alarms",
    "maps": "list the maps of registers that are shipped, or show one",
    "journal": "verify the journal, or deliver it again",
    "simulate": "play a device, with the faults that devices have",
}
"""Summary by name, in the order of a newcomer's needs."""

_EPILOG = """\
examples:
  fhir-bridge run --config bridge.yaml                   listen and deliver
  fhir-bridge simulate mllp --to 127.0.0.1:2575          play a monitor
  fhir-bridge run --help                                 what a command takes
"""


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        words: without the program's name; the process's own where None.

    Returns:
        The exit code.
    """
    words = sys.argv[1:] if words is None else words
    try:
        arguments = _parser(words).parse_args(words)
        return _run(arguments)
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("fhirserver"):
            raise
        remedy = "it is of the extra bridge, pip install 'fhirserver[bridge]'"
        sys.stderr.write(f"fhir-bridge: {missing.name} is not installed: {remedy}\n")
        return 2


def _run(arguments: argparse.Namespace) -> int:
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 1
    except UsageError as error:
        sys.stderr.write(f"fhir-bridge {arguments.command}: {error}\n")
        return error.exit_code


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fhir-bridge",
        description="Readings of medical devices become Observations, and none is lost.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--version", action="version", version=f"fhir-bridge {version('fhirserver')}"
    )
    wanted = next((word for word in words if not word.startswith("-")), None)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == wanted:
            _complete(subparser, name)
    return parser


def _complete(parser: argparse.ArgumentParser, name: str) -> None:
    module = importlib.import_module(f"fhirserver_device_bridge.commands.{name.replace('-', '_')}")
    parser.description = module.__doc__
    parser.epilog = getattr(module, "EXAMPLES", None)
    module.add_arguments(parser)
    parser.set_defaults(run=module.run)


if __name__ == "__main__":
    sys.exit(main())
