"""Bits that mean alarms, where the map says so.

Standards: IHE Devices Technical Framework volume 1, ACM, for what an alarm is

A bit only tells whether its condition holds: a poll says of each alarm that it is there, or that it
is not. The first that says it is there is its start, the first that says it is not its end, by the
time of the poll. A poll that is stale, or a register that was refused, says nothing of alarms.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from fhirserver_device_bridge.alarms.alarm import Condition, Report
from fhirserver_device_bridge.protocols.modbus import recording
from fhirserver_device_bridge.protocols.modbus.device import handle_of, path_of, patient_of
from fhirserver_device_bridge.protocols.modbus.layout import AlarmBit, Measure
from fhirserver_device_bridge.protocols.modbus.layouts import layout_named
from fhirserver_device_bridge.protocols.modbus.staleness import find
from fhirserver_device_bridge.protocols.modbus.values import bits_of
from fhirserver_device_bridge.source import Source


def reports(raw: bytes, source: Source) -> list[Report]:
    """Read what a recording says of alarms. Pure, but for the layout, which is read once.

    Args:
        raw: as `recording.write` made it.
        source: its device and layout.

    Returns:
        One report for each alarm of the layout that the poll tells of: its start where it is
        there, its end where it is not.

    Raises:
        ModbusError: it is no recording, or its source has no layout.
    """
    layout = layout_named(source.registers)
    polled = recording.read(raw)
    if polled.stale:
        return []
    common = Condition(path=path_of(source, layout), patient=patient_of(source))
    device = "|".join(source.device)
    return [
        Report(
            key=f"bit|{device}|{handle_of(measure)}.{bit}",
            kind="device",
            phase="start" if bits >> bit & 1 else "end",
            said_us=round(polled.at.timestamp() * 1_000_000),
            at=polled.at.isoformat(timespec="milliseconds"),
            condition=_condition(alarm, common, is_there=bool(bits >> bit & 1)),
        )
        for measure in layout.measures
        for bits in _bits(measure, polled)
        for bit, alarm in measure.alarms.items()
    ]


def _bits(measure: Measure, polled: recording.Recording) -> Iterator[int]:
    if measure.alarms:
        registers = find(polled.blocks, measure.table, measure.address, measure.width)
        if registers is not None:
            yield bits_of(registers, measure)


def _condition(alarm: AlarmBit, common: Condition, *, is_there: bool) -> Condition:
    return replace(
        common,
        codes=(alarm.code,),
        text=alarm.code.display or alarm.code.code,
        priority=alarm.priority,
        type=alarm.type,
        state="active" if is_there else "inactive",
    )
