"""Look whether the journal is whole, or have it delivered again.

A replay changes nothing on the server where it has everything already.
"""

import argparse
import sys

from fhirserver_device_bridge.commands.options import add_config_option, changed, journal_of
from fhirserver_device_bridge.journal.changes import replay
from fhirserver_device_bridge.journal.verify import verify

EXAMPLES = """\
examples:
  fhir-bridge journal verify --config bridge.yaml
  fhir-bridge journal replay --config bridge.yaml --source icu --from 120 --to 180
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    looking = steps.add_parser("verify", help="is everything there, as it was received?")
    add_config_option(looking)
    again = steps.add_parser("replay", help="deliver entries again: delivered and held ones")
    add_config_option(again)
    again.add_argument("--source", metavar="NAME", help="only of this source")
    again.add_argument(
        "--from", dest="first", type=int, default=1, metavar="ID", help="first entry"
    )
    again.add_argument("--to", dest="last", type=int, metavar="ID", help="last entry")
    again.add_argument("--dead", action="store_true", help="dead letters too")


def run(arguments: argparse.Namespace) -> int:
    """Verify or replay."""
    if arguments.step == "verify":
        return _verify(arguments)
    change = replay(
        source=arguments.source, first=arguments.first, last=arguments.last, dead=arguments.dead
    )
    with journal_of(arguments) as connection:
        sys.stdout.write(f"{changed(connection, change)} entries wait for delivery again\n")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    with journal_of(arguments) as connection:
        findings = list(verify(connection))
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    if not findings:
        sys.stdout.write("the journal is whole\n")
    return 1 if findings else 0
