"""A notification becomes readings.

device    one level (MDS): its address, and what is known of it
handle    characteristic and field, e.g. "2A35.systolic"
time      the device's own on the gateway's timeline, as with personal health devices (`clocks` of
          20601); of a characteristic without time stamps, when the gateway received it
patient   a device numbers its users at most: identifier "<address>.<number>" of the system that
          the source calls "device-user", "<address>" where it tells no users apart
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fhirserver_device_bridge.protocols.bluetooth.characteristics import CHARACTERISTICS
from fhirserver_device_bridge.protocols.bluetooth.device import address, clocks, level
from fhirserver_device_bridge.protocols.bluetooth.errors import BluetoothError
from fhirserver_device_bridge.protocols.bluetooth.fields import Values, read_fields
from fhirserver_device_bridge.protocols.bluetooth.meanings import (
    Characteristic,
    Found,
    doubts,
    found_in,
)
from fhirserver_device_bridge.protocols.bluetooth.notification import (
    Known,
    Notification,
    characteristic,
    newest_that,
    octets,
    read,
)
from fhirserver_device_bridge.protocols.bluetooth.scale import OWN
from fhirserver_device_bridge.protocols.measurement_status import absence, status
from fhirserver_device_bridge.protocols.x20601.attributes import ABSOLUTE_STAMP
from fhirserver_device_bridge.protocols.x20601.clocks import (
    OffTimelineError,
    Placed,
    check_duration,
    place,
)
from fhirserver_device_bridge.protocols.x20601.times import AbsoluteTime
from fhirserver_device_bridge.reading import (
    Coding,
    Flag,
    Identifier,
    Level,
    Moment,
    Reading,
    Rejected,
)
from fhirserver_device_bridge.source import DEVICE_USER, Source

_NOBODY = 0xFF
"""User of a device who is not known to it."""


@dataclass(frozen=True, slots=True)
class _Around:
    """What all readings of a notification share."""

    source: Source
    sequence: int
    prefix: str
    level: Level
    flags: frozenset[Flag]
    placed: Placed | None
    fault: str | None
    received: Moment
    patient: Identifier


def measurements(raw: bytes, source: Source, sequence: int) -> list[Reading | Rejected]:
    """Read a notification. Pure.

    Args:
        raw: a line, as the journal keeps it.
        source: zone of the devices' clocks, systems.
        sequence: of the line in the journal.

    Returns:
        Readings in the order of the fields; rejected where a number is reserved or the time stamp
        is off the timeline.

    Raises:
        BluetoothError: the line, or its value, cannot be read.
    """
    notification = read(raw)
    of = characteristic(notification)
    values = read_fields(octets(notification), of.layout)
    around = _around(notification, of, values, source, sequence)
    return [_reading(found, around) for found in found_in(values, of)]


def _around(
    notification: Notification, of: Characteristic, values: Values, source: Source, sequence: int
) -> _Around:
    dated, clock_fault = _dated(notification, of, values)
    placed, fault = None, clock_fault
    stamp = _stamp(dated)
    if fault is None and stamp is not None:
        placed, fault = _placed(stamp, notification, source)
    return _Around(
        source=source,
        sequence=sequence,
        prefix=f"{of.number:04X}",
        level=level(notification),
        flags=doubts(values, of),
        placed=placed,
        fault=fault,
        received=Moment(_text(notification.received), "fraction"),
        patient=_patient(notification, values, source),
    )


def _dated(
    notification: Notification, of: Characteristic, values: Values
) -> tuple[Values, str | None]:
    """Give the values that have the time, and why it cannot be believed."""
    if of.dated_by is not None:
        of, values = _measurement(notification, CHARACTERISTICS[of.dated_by], values)
    is_wrong = of.clock_fault is not None and of.clock_fault.of(values)
    return values, "the device says that its clock is wrong: set it" if is_wrong else None


def _measurement(
    notification: Notification, of: Characteristic, context: Values
) -> tuple[Characteristic, Values]:
    """Find the measurement that a context belongs to."""
    wanted = context.integer("sequence")

    def fits(known: Known) -> bool:
        return read_fields(octets(known), of.layout).integer("sequence") == wanted

    known = newest_that(notification, of.number, fits)
    if known is None:
        raise BluetoothError(
            f"a context has no time: give its measurement ({of.number:04X}, of the same sequence"
            " number) in 'known'"
        )
    return of, read_fields(octets(known), of.layout)


def _stamp(values: Values) -> AbsoluteTime | None:
    """Give the time stamp, moved by its offset; as it is where the calendar ends."""
    stamp, offset = values.time("time"), values.integer("offset")
    if stamp is None or not offset or stamp.local is None:
        return stamp
    try:
        moved = stamp.local + timedelta(minutes=offset)
    except OverflowError:
        return stamp
    digits = moved.strftime("%Y%m%d%H%M%S").rjust(14, "0")
    return AbsoluteTime(bytes.fromhex(digits + "00"))


def _placed(
    stamp: AbsoluteTime, notification: Notification, source: Source
) -> tuple[Placed | None, str | None]:
    known = clocks(notification)
    try:
        return place({ABSOLUTE_STAMP: stamp}, known, notification.received, source.zone), None
    except OffTimelineError as error:
        return None, str(error)


def _text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds")


def _patient(notification: Notification, values: Values, source: Source) -> Identifier:
    system = dict(source.systems).get(DEVICE_USER, DEVICE_USER)
    user = values.integer("user")
    device = address(notification)
    return Identifier(system, device if user in (None, _NOBODY) else f"{device}.{user}")


def _reading(found: Found, around: _Around) -> Reading | Rejected:
    flags = around.flags if found.is_figure else frozenset()
    absent = found.absent or absence(flags)
    fault = found.fault or around.fault or _too_long(found, around)
    reading = Reading(
        source=around.source.name,
        sequence=around.sequence,
        codes=(_coding(found.code, around.source),),
        path=(around.level,),
        handle=f"{around.prefix}.{found.place}",
        value=None if absent else found.value,
        absent=absent,
        status=status(flags),
        flags=flags,
        time=around.placed.moment if around.placed else around.received,
        sent=around.received,
        device_time=around.placed.text if around.placed else None,
        duration_s=found.duration_s,
        compound=found.compound,
        supplemental=found.supplemental,
        patient=(around.patient,),
    )
    return reading if fault is None else Rejected(reading, fault)


def _too_long(found: Found, around: _Around) -> str | None:
    try:
        check_duration(found.duration_s, around.placed)
    except OffTimelineError as error:
        return str(error)
    return None


def _coding(code: Coding, source: Source) -> Coding:
    """Give a code of these profiles' own the URI that the source gives its system."""
    if code.system != OWN:
        return code
    return Coding(dict(source.systems).get(OWN, OWN), code.code, code.display)
