"""Alarms that the bridge keeps: list them, look at one, or take one over.

`list` and `show` name patients: mind who looks. A bridge may run meanwhile; it learns of an
acknowledgement within a second.
"""

import argparse
import sys
from datetime import UTC, datetime

import msgspec

from fhirserver_device_bridge.alarms import recording
from fhirserver_device_bridge.alarms.alarm import Alarm
from fhirserver_device_bridge.commands.options import add_config_option, changed, journal_of
from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.journal.alarms import acknowledge, alarm, alarms

EXAMPLES = """\
examples:
  fhir-bridge alarms list --config bridge.yaml
  fhir-bridge alarms list --ended --config bridge.yaml
  fhir-bridge alarms show 5f2b --config bridge.yaml
  fhir-bridge alarms acknowledge 5f2b --by "Nurse Joy" --config bridge.yaml
"""

_SHOWN = 12
"""Digits of an id in the list: as many as tell alarms apart."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    for name, words in (
        (
            "list",
            "one line each: id, source, kind, priority, start, end, by whom acknowledged, text",
        ),
        ("show", "print one as JSON"),
        ("acknowledge", "take one over: nobody else is told any more"),
    ):
        step = steps.add_parser(name, help=words)
        add_config_option(step)
        if name == "list":
            step.add_argument("--ended", action="store_true", help="those that have ended too")
        else:
            step.add_argument("id", metavar="ID", help="of the alarm, or its first digits")
        if name == "acknowledge":
            step.add_argument("--by", required=True, metavar="NAME", help="who takes it over")


def run(arguments: argparse.Namespace) -> int:
    """Do one step."""
    {"list": _list, "show": _show, "acknowledge": _acknowledge}[arguments.step](arguments)
    return 0


def _list(arguments: argparse.Namespace) -> None:
    with journal_of(arguments) as connection:
        for each in alarms(connection, ended=arguments.ended):
            sys.stdout.write("\t".join(_columns(each)) + "\n")


def _columns(found: Alarm) -> tuple[str, ...]:
    return (
        *(found.id[:_SHOWN], found.source, found.kind, found.condition.priority or ""),
        *(found.started or "", found.ended or "", found.acknowledged_by or ""),
        found.condition.text,
    )


def _show(arguments: argparse.Namespace) -> None:
    with journal_of(arguments) as connection:
        found = alarm(connection, arguments.id)
    shown = msgspec.json.format(recording.encode(found), indent=2)
    sys.stdout.write(shown.decode("utf-8") + "\n")


def _acknowledge(arguments: argparse.Namespace) -> None:
    with journal_of(arguments) as connection:
        if not arguments.by.strip() or not arguments.by.isprintable():
            raise UsageError("--by says who takes it over, in one line")
        full = alarm(connection, arguments.id).id
        found = changed(connection, acknowledge(full, arguments.by, datetime.now(UTC)))
    sys.stdout.write(f"{found.id[:_SHOWN]} acknowledged by {found.acknowledged_by}\n")
