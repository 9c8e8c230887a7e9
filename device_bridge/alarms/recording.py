"""An alarm as an entry of the journal: what the bridge itself has to say to the server.

    "alarm" 0x00 0x01, then the alarm as JSON

Each holds the whole alarm as it was then, so that the last one alone would do.
"""

import msgspec

from fhirserver_device_bridge.alarms.alarm import Alarm

MAGIC = b"alarm\x00\x01"

_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Alarm)


class RecordingError(ValueError):
    """The entry is no recording of an alarm."""


def write(alarm: Alarm) -> bytes:
    """Write a recording."""
    return MAGIC + encode(alarm)


def read(raw: bytes) -> Alarm:
    """Read a recording.

    Raises:
        RecordingError: it is none.
    """
    try:
        return decode(raw.removeprefix(MAGIC))
    except msgspec.DecodeError:
        raise RecordingError("not a recording of an alarm: it was changed by hand") from None


def encode(alarm: Alarm) -> bytes:
    """Write an alarm as JSON."""
    return _ENCODER.encode(alarm)


def decode(text: bytes) -> Alarm:
    """Read an alarm. Raises msgspec.DecodeError."""
    return _DECODER.decode(text)
