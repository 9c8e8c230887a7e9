"""What was refused: list it, look at one, correct it, or have it tried again.

`show` and `edit` handle messages as they were received, which name patients: mind who looks.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from fhirserver_device_bridge.commands.options import add_config_option, changed, journal_of
from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.journal.changes import edit, replay
from fhirserver_device_bridge.journal.entries import entries_in, entry
from fhirserver_device_bridge.journal.layout import JournalError

EXAMPLES = """\
examples:
  fhir-bridge dead-letters list --config bridge.yaml
  fhir-bridge dead-letters show 17 --config bridge.yaml > 17.hl7
  fhir-bridge dead-letters edit 17 17-corrected.hl7 --config bridge.yaml
  fhir-bridge dead-letters replay 17 --config bridge.yaml
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for name, words in (
        ("list", "one line each: entry, source, time, control id, reason"),
        ("show", "print the message as it was received"),
        ("edit", "put a corrected message in its place, and deliver that"),
        ("replay", "try it again as it is"),
    ):
        step = steps.add_parser(name, help=words)
        add_config_option(step)
        if name != "list":
            step.add_argument("entry", type=int, metavar="ID", help="number of the entry")
        if name == "edit":
            step.add_argument("file", type=Path, metavar="FILE", help="the corrected message")


def run(arguments: argparse.Namespace) -> int:
    """Do one step."""
    {"list": _list, "show": _show, "edit": _edit, "replay": _replay}[arguments.step](arguments)
    return 0


def _list(arguments: argparse.Namespace) -> None:
    with journal_of(arguments) as connection:
        for each in entries_in(connection, "dead"):
            at = each.received.isoformat(timespec="seconds")
            line = "\t".join((str(each.id), each.source, at, each.control_id, each.reason or ""))
            sys.stdout.write(f"{line}\n")


def _show(arguments: argparse.Namespace) -> None:
    with journal_of(arguments) as connection:
        sys.stdout.buffer.write(entry(connection, arguments.entry).raw)


def _edit(arguments: argparse.Namespace) -> None:
    try:
        raw = arguments.file.read_bytes()
    except OSError as error:
        raise UsageError(f"{arguments.file}: {error.strerror}") from None
    with journal_of(arguments) as connection:
        appended = changed(connection, edit(arguments.entry, raw, datetime.now(UTC)))
    sys.stdout.write(f"entry {appended.id} takes the place of {arguments.entry}\n")


def _replay(arguments: argparse.Namespace) -> None:
    with journal_of(arguments) as connection:
        if entry(connection, arguments.entry).state != "dead":
            raise JournalError(f"entry {arguments.entry} is no dead letter")
        number = arguments.entry
        changed(connection, replay(first=number, last=number, dead=True))
    sys.stdout.write(f"entry {number} waits for delivery again\n")
