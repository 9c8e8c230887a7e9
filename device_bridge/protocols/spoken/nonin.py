"""A packet of an oximeter of Nonin becomes readings.

Spec: as `framing.nonin`; averages of four beats

    frames 1 and 2    pulse: two high bits in the first value, seven in the second; 511: none
    frame 3           saturation; 127: none

    status  bit 6  the sensor is disconnected     bit 5  artifact
            bit 4  out of track                   bit 3  the sensor gives nothing usable

The same two are sent again as other averages, for displays and with eight beats: they are not
charted beside these. Other values of the packet, and the plethysmogram, stay in the journal.
"""

from collections.abc import Iterator
from decimal import Decimal

from fhirserver_device_bridge.framing.nonin import (
    FRAME_BYTES,
    PACKET_BYTES,
    STATUS,
    format_of,
    may_be_packet,
)
from fhirserver_device_bridge.protocols.spoken.device import named, user
from fhirserver_device_bridge.protocols.spoken.recording import NONIN, SpokenError, read
from fhirserver_device_bridge.reading import (
    MDC,
    UCUM,
    AbsentReason,
    Coding,
    Flag,
    Level,
    Moment,
    Quantity,
    Reading,
    Rejected,
)
from fhirserver_device_bridge.source import Source

_OXIMETER = Coding(MDC, "528388", "MDC_DEV_SPEC_PROFILE_PULS_OXIM")
_SATURATION = Coding(MDC, "150456", "MDC_PULS_OXIM_SAT_O2")
_PULSE = Coding(MDC, "149530", "MDC_PULS_OXIM_PULS_RATE")
_NO_SATURATION, _NO_PULSE = 127, 511

_NOTHING_USABLE = 0x48
_DOUBTFUL = 0x30
_QUESTIONABLE: frozenset[Flag] = frozenset({"questionable"})
_NO_FLAGS: frozenset[Flag] = frozenset()


def measurements(raw: bytes, source: Source, sequence: int) -> list[Reading | Rejected]:
    """Read a recorded packet. Pure.

    Args:
        raw: as `recording.write` made it.
        source: its device.
        sequence: of the recording in the journal.

    Raises:
        SpokenError: it is no whole packet.
    """
    spoken = read(NONIN, raw)
    packet = spoken.raw
    if len(packet) != PACKET_BYTES or not may_be_packet(packet):
        raise SpokenError("no packet: 25 frames of five bytes, each with its checksum")
    time = Moment(spoken.at.isoformat(timespec="microseconds"), "fraction")
    absent, flags = _worth(packet)
    device = Level("mds", code=_OXIMETER, identifiers=(named(source),), manufacturer="Nonin")
    return [
        Reading(
            source=source.name,
            sequence=sequence,
            codes=(code,),
            path=(device,),
            handle=handle,
            value=None if absent or value is None else value,
            absent=absent or ("unknown" if value is None else None),
            flags=flags,
            time=time,
            sent=time,
            patient=(user(source),),
        )
        for code, handle, value in _values(packet)
    ]


def _values(packet: bytes) -> Iterator[tuple[Coding, str, Quantity | None]]:
    high, low, saturation = (packet[FRAME_BYTES * number + 3] for number in range(3))
    pulse = (high & 0b11) << 7 | low
    yield _SATURATION, "SpO2", _quantity(saturation, _NO_SATURATION, "%")
    yield _PULSE, "HR", _quantity(pulse, _NO_PULSE, "/min")


def _quantity(number: int, nothing: int, unit: str) -> Quantity | None:
    if number == nothing:
        return None
    return Quantity(Decimal(number), str(number), Coding(UCUM, unit))


def _worth(packet: bytes) -> tuple[AbsentReason | None, frozenset[Flag]]:
    """Tell what the values are worth by what the frames say together."""
    said = 0
    for status in packet[STATUS[format_of(packet)] :: FRAME_BYTES]:
        said |= status
    if said & _NOTHING_USABLE:
        return "error", _NO_FLAGS
    return None, _QUESTIONABLE if said & _DOUBTFUL else _NO_FLAGS
