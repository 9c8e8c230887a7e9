"""What would become of messages: as sent, as readings, as FHIR. Pure, but for files of mappings.

What is given is one message, several framed as MLLP sends them, or, of a source whose device prints
lines, its lines. Who lies where is not looked at.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.framing.mllp import VT, MllpDeframer
from fhirserver_device_bridge.framing.text_line import LONGEST_LINE_BYTES, TextLineDeframer
from fhirserver_device_bridge.protocols.spoken.recording import LINE, Spoken, write
from fhirserver_device_bridge.source import Source

SIZE_LIMIT_BYTES = 256 * 1024 * 1024
ENCODER = msgspec.json.Encoder(decimal_format="number")


def dry_run(raw: bytes, source: Source, at: datetime) -> Iterator[tuple[bytes, Conversion]]:
    """Convert what is given; each message with what would become of it.

    Args:
        raw: as above.
        source: whose messages they are.
        at: when they would be received, aware.
    """
    for message in _messages(raw, source, at):
        yield message, convert(message, source, at, 1)


def side_by_side(message: bytes, conversion: Conversion) -> dict[str, Any]:
    """Give a message, its readings and its FHIR in the form that is shown."""
    return {
        "message": segments(message),
        "readings": conversion.readings,
        "quarantined": conversion.quarantined,
        "omitted": conversion.omitted,
        "unmapped": conversion.unmapped,
        "alarms": conversion.reports,
        "rejected": conversion.rejected,
        "held": conversion.held,
        "bundle": conversion.bundle,
    }


def segments(message: bytes) -> list[str]:
    """Give the lines of a message."""
    return message.decode("utf-8", "replace").replace("\n", "\r").rstrip("\r").split("\r")


def _messages(raw: bytes, source: Source, at: datetime) -> Iterator[bytes]:
    if raw.startswith(VT):
        for frame in MllpDeframer(SIZE_LIMIT_BYTES).feed(raw):
            yield frame.content
    elif source.lines is not None and not raw.startswith(LINE):
        for piece in TextLineDeframer(LONGEST_LINE_BYTES).feed(raw + b"\n"):
            yield write(LINE, Spoken(at, piece.raw))
    else:
        yield raw
