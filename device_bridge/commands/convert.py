"""Show what becomes of messages: as sent, as readings, as FHIR. Nothing is sent or kept.

A FILE is one message, several framed as MLLP sends them, or lines of a device that prints them.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from fhirserver_device_bridge.alarms.alarm import Report
from fhirserver_device_bridge.commands.options import configuration
from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.dry_run import ENCODER, dry_run, segments, side_by_side
from fhirserver_device_bridge.reading import Reading
from fhirserver_device_bridge.source import Source

EXAMPLES = """\
examples:
  fhir-bridge convert message.hl7
  fhir-bridge convert --config bridge.yaml --source icu *.hl7
  fhir-bridge convert --json message.hl7 | jq .bundle
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("files", nargs="+", metavar="FILE", type=Path, help="with a message")
    parser.add_argument("--config", metavar="FILE", type=Path, help="for what a source is told")
    parser.add_argument("--source", metavar="NAME", help="of the configuration; with --config")
    parser.add_argument("--json", action="store_true", help="one line of JSON for each message")


def run(arguments: argparse.Namespace) -> int:
    """Convert each message; 1 if one cannot be charted."""
    source = _source(arguments)
    refused = 0
    for file in arguments.files:
        for raw, conversion in dry_run(_read(file), source, datetime.now(UTC)):
            refused += conversion.rejected is not None
            shown = _as_json if arguments.json else _as_text
            sys.stdout.write(shown(str(file), raw, conversion))
    return 1 if refused else 0


def _source(arguments: argparse.Namespace) -> Source:
    if (arguments.config is None) != (arguments.source is None):
        raise UsageError("--config and --source go together")
    if arguments.config is None:
        return Source("dry-run")
    source = configuration(arguments).source(arguments.source)
    if source is None:
        raise UsageError(f"{arguments.config} has no source {arguments.source!r}")
    return source


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror}") from None


def _as_json(name: str, raw: bytes, conversion: Conversion) -> str:
    document = {"file": name, **side_by_side(raw, conversion)}
    return ENCODER.encode(document).decode("utf-8") + "\n"


def _as_text(name: str, raw: bytes, conversion: Conversion) -> str:
    sections: dict[str, list[str]] = {
        "message": segments(raw),
        "readings": [_line(each) for each in conversion.readings],
        "quarantined": [f"{_line(each.reading)}  {each.reason}" for each in conversion.quarantined],
        "omitted": list(conversion.omitted),
        "unmapped": [f"{each.system} {each.code}" for each in conversion.unmapped],
        "alarms": [_alarm(each) for each in conversion.reports],
        "rejected": [conversion.rejected] if conversion.rejected else [],
        "held": [conversion.held] if conversion.held else [],
        "fhir": _indented(conversion.bundle),
    }
    lines = [f"== {name}"]
    for title, body in sections.items():
        if body:
            lines += [title, *(f"  {line}" for line in body)]
    return "\n".join(lines) + "\n"


def _line(reading: Reading) -> str:
    """Show a reading in one line: place, code, value or why there is none, status, flags, time."""
    code, value = reading.codes[0], reading.value
    shown = getattr(value, "text", value) if value is not None else f"({reading.absent})"
    return "  ".join(
        (
            reading.handle or "-",
            code.display or code.code,
            str(shown),
            reading.status,
            ",".join(sorted(reading.flags)) or "-",
            reading.time.text if reading.time else "-",
        )
    )


def _alarm(report: Report) -> str:
    """Show what is said of an alarm in one line: phase, what is wrong, urgency, time, and key."""
    condition = report.condition
    code = condition.codes[0].code if condition.codes else "-"
    shown = (report.phase, code, condition.text, condition.priority or "-", report.at, report.key)
    return "  ".join(shown)


def _indented(bundle: object) -> list[str]:
    if bundle is None:
        return []
    return msgspec.json.format(ENCODER.encode(bundle), indent=2).decode("utf-8").splitlines()
