"""Say what waits, is held, was delivered or refused, by source; a bridge may run meanwhile."""

import argparse
import sys
from datetime import UTC, datetime

from fhirserver_device_bridge.commands.options import add_config_option, journal_of
from fhirserver_device_bridge.journal.entries import counts, oldest_waiting
from fhirserver_device_bridge.journal.layout import STATES

EXAMPLES = """\
examples:
  fhir-bridge status --config bridge.yaml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_config_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a table."""
    with journal_of(arguments) as connection:
        found = counts(connection)
        sys.stdout.write("\t".join(("source", *STATES, "lag_s")) + "\n")
        for source in sorted({name for name, _ in found}):
            oldest = oldest_waiting(connection, source)
            lag_s = 0.0 if oldest is None else (datetime.now(UTC) - oldest).total_seconds()
            numbers = [str(found.get((source, state), 0)) for state in STATES]
            sys.stdout.write("\t".join((source, *numbers, f"{lag_s:.1f}")) + "\n")
    return 0
