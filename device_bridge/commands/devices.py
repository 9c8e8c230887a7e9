"""Devices: when each was last heard and whose it is; give one to a patient, or take it back.

What is said here stands in the journal: a bridge that runs learns of it within a second, and lets
held messages look for their patient again. It counts for the time that it names, so a device may be
given to a patient afterwards, too. `list` names patients: mind who looks.
"""

import argparse
import sqlite3
import sys
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

from msgspec.structs import replace

from fhirserver_device_bridge.assignments import Assignment
from fhirserver_device_bridge.commands.options import (
    add_config_option,
    changed,
    configuration,
    journal_of,
)
from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.journal.alarms import heard
from fhirserver_device_bridge.journal.assignments import (
    Said,
    assignments_after,
    assignments_now,
    note_assignments,
)
from fhirserver_device_bridge.journal.entries import instant_of
from fhirserver_device_bridge.journal.movements import movements_after
from fhirserver_device_bridge.reading import Identifier, Location, is_uri
from fhirserver_device_bridge.source import Source
from fhirserver_device_bridge.whereabouts import Whereabouts

EXAMPLES = """\
examples:
  fhir-bridge devices list --config bridge.yaml
  fhir-bridge devices assign M1 --to 'urn:oid:1.2.3|12345' --by Joy --config bridge.yaml
  fhir-bridge devices assign M1 --to 'urn:x|1' --by Joy --from 2026-05-04T08:00Z --config b.yaml
  fhir-bridge devices release M1 --config bridge.yaml
"""

_HAND = "hand/"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    steps = parser.add_subparsers(dest="step", metavar="STEP", required=True)
    listed = steps.add_parser(
        "list", help="one line each: source, identifier, last heard, whose it is"
    )
    assign = steps.add_parser("assign", help="give one to a patient")
    release = steps.add_parser("release", help="take one back, whoever it was given to here")
    for step in (assign, release):
        step.add_argument("device", metavar="DEVICE", help="its identifier, as listed")
    assign.add_argument("--to", required=True, metavar="PATIENT", help="identifier, SYSTEM|VALUE")
    assign.add_argument("--by", required=True, metavar="NAME", help="who gives it")
    assign.add_argument("--from", dest="start", metavar="TIME", help="ISO 8601 with offset; now")
    assign.add_argument("--until", metavar="TIME", help="open where it is left away")
    release.add_argument("--at", metavar="TIME", help="ISO 8601 with offset; now")
    for step in (listed, assign, release):
        add_config_option(step)


def run(arguments: argparse.Namespace) -> int:
    """Do one step."""
    {"list": _list, "assign": _assign, "release": _release}[arguments.step](arguments)
    return 0


def _list(arguments: argparse.Namespace) -> None:
    sources = {each.name: each for each in configuration(arguments).sources}
    now = datetime.now(UTC)
    with journal_of(arguments) as connection:
        known = _whereabouts(connection)
        found = heard(connection).items()
        for (name, device), at_us in sorted(
            found, key=lambda each: (each[0][0], _shown(each[0][1]))
        ):
            patients = _patients(device, sources.get(name), known, now)
            last = instant_of(at_us).isoformat(timespec="seconds")
            line = (name, _shown(device), last, " ".join(map(_shown, patients)))
            sys.stdout.write("\t".join(line) + "\n")


def _whereabouts(connection: sqlite3.Connection) -> Whereabouts:
    known = Whereabouts()
    known.learn(movement for _, movement in movements_after(connection, 0))
    for _, key, said in assignments_after(connection):
        known.assignments.learn(key, said)
    return known


def _patients(
    device: Identifier, source: Source | None, known: Whereabouts, now: datetime
) -> list[Identifier]:
    found = known.patients_with([device], now)
    beds: dict[str, Location] = dict(source.beds) if source is not None else {}
    if found or device.value not in beds:
        return found
    return known.patients_in(beds[device.value], now)


def _assign(arguments: argparse.Namespace) -> None:
    patient = _identifier(arguments.to)
    if not is_uri(patient.system):
        raise UsageError("--to names a patient by an identifier: SYSTEM|VALUE, the system a URI")
    if not arguments.by.strip() or not arguments.by.isprintable():
        raise UsageError("--by says who gives it, in one line")
    start, until = _time(arguments.start, "--from"), _time(arguments.until, "--until")
    start = start or datetime.now(UTC)
    if until is not None and until <= start:
        raise UsageError("--until must be after --from")
    with journal_of(arguments) as connection:
        device = _device(connection, arguments.device)
        given = Assignment(patient, start, until, devices=(device,), by=arguments.by)
        changed(connection, note_assignments({f"{_HAND}{uuid.uuid4()}": (given,)}))
        known = {each for _, each in heard(connection)}
    remark = "" if device in known else ", and was not heard yet"
    sys.stdout.write(f"{_shown(device)} is given from {given.start.isoformat()}{remark}\n")


def _release(arguments: argparse.Namespace) -> None:
    at = _time(arguments.at, "--at") or datetime.now(UTC)
    with journal_of(arguments) as connection:
        device = _device(connection, arguments.device)
        ended = dict(_ended(assignments_now(connection), device, at))
        if not ended:
            raise UsageError("it is nobody's by what was said here; `list` names devices", 1)
        changed(connection, note_assignments(ended))
    sys.stdout.write(f"{_shown(device)} taken back at {at.isoformat()}\n")


def _ended(now: dict[str, Said], device: Identifier, at: datetime) -> Iterator[tuple[str, Said]]:
    """End what was given by hand and holds at a time."""
    for key, said in now.items():
        (given,) = said if key.startswith(_HAND) and said else (None,)
        if given is not None and given.holds(at) and given.names([device]):
            yield key, (replace(given, end=at),) if given.start < at else ()


def _device(connection: sqlite3.Connection, text: str) -> Identifier:
    """Read which device is meant: a value alone has to be that of one device that was heard."""
    named = _identifier(text)
    if named.system:
        return named
    found = {each for _, each in heard(connection) if each.value == named.value}
    if len(found) == 1:
        return found.pop()
    several = (
        f"it may be {' or '.join(sorted(map(_shown, found)))}" if found else "it was not heard"
    )
    raise UsageError(f"{text!r} does not tell which device: {several}; write SYSTEM|VALUE")


def _identifier(text: str) -> Identifier:
    system, _, value = text.rpartition("|")
    if not value.strip():
        raise UsageError(f"{text!r} is no identifier: write VALUE or SYSTEM|VALUE")
    return Identifier(system, value)


def _shown(identifier: Identifier) -> str:
    return f"{identifier.system}|{identifier.value}" if identifier.system else identifier.value


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{option} takes a time with offset, such as 2026-05-04T08:00+02:00")
