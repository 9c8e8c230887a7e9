"""IHE PCD-04: ORU^R40 of alarm reporters become reports of alarms.

Spec: IHE Devices Technical Framework volume 2, section 3.4 (PCD-04) and appendix B

    OBR-3    the alarm; in what follows its start it may be another number, and then
    OBR-29   names the first one (parent, second component)
    OBX      one facet of the alarm each, known by the code of OBX-3, whatever OBX-4 says:

        MDC_EVT_…                          what is wrong: OBX-5 of MDC_EVT_ALARM, else OBX-3 itself
        MDC_ATTR_ALERT_SOURCE              what the device is that says so
        MDC_ATTR_EVENT_PHASE               start, continue, update, escalate, …, end, tpoint
        MDC_ATTR_ALARM_STATE               active, latched, inactive
        MDC_ATTR_ALARM_INACTIVATION_STATE  enabled, audio-paused, …
        MDC_ATTR_ALARM_PRIORITY            PH, PM, PL, PN; also in OBX-8 of the event
        MDC_ATTR_ALERT_TYPE                SP, ST, SA; also in OBX-8 of the event
        any other metric                   what was measured, with the limits that it broke (OBX-7)

A group without a phase starts its alarm, or ends it where its state is inactive.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Literal

from msgspec.structs import replace

from fhirserver_device_bridge.alarms.alarm import Condition, Evidence, Phase, Priority, Report
from fhirserver_device_bridge.moments import first_instant
from fhirserver_device_bridge.protocols.hl7v2.containment import application, read_equipment
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.groups import Group, Row, groups
from fhirserver_device_bridge.protocols.hl7v2.message import Message, Segment, components
from fhirserver_device_bridge.protocols.hl7v2.pcd01 import identifiers, location
from fhirserver_device_bridge.protocols.hl7v2.times import parse_time
from fhirserver_device_bridge.protocols.hl7v2.values import codings
from fhirserver_device_bridge.reading import Coding, Identifier, Level, Moment
from fhirserver_device_bridge.source import Source

_Facet = Literal["source", "phase", "state", "inactivation", "priority", "type"]

_FACETS: dict[str, _Facet] = {
    **dict.fromkeys(("68480", "68164", "MDC_ATTR_ALERT_SOURCE"), "source"),
    **dict.fromkeys(("68481", "68165", "MDC_ATTR_EVENT_PHASE"), "phase"),
    **dict.fromkeys(("68482", "68166", "MDC_ATTR_ALARM_STATE"), "state"),
    **dict.fromkeys(("68483", "68167", "MDC_ATTR_ALARM_INACTIVATION_STATE"), "inactivation"),
    **dict.fromkeys(("68484", "68168", "MDC_ATTR_ALARM_PRIORITY"), "priority"),
    **dict.fromkeys(("68485", "MDC_ATTR_ALERT_TYPE"), "type"),
}
"""Facets by code, of both numberings that are sent, and by reference id."""

_ALARM = ("196616", "MDC_EVT_ALARM")
_EVENT = "MDC_EVT_"
_EVENTS = frozenset({"196616", "196648", "196670"})
"""Events that say nothing of what is wrong by themselves: alarm, high, low."""

_PRIORITIES: dict[str, Priority] = {"PH": "high", "PM": "medium", "PL": "low", "PN": "none"}
_TYPES = ("SP", "ST", "SA")
_PHASES: dict[str, Phase] = {"start": "start", "tpoint": "point", "end": "end"}
_GONE = ("inactive", "off")


def decode_alarms(message: Message, source: Source, received: datetime) -> list[Report]:
    """Read every alarm of a message. Pure.

    Args:
        message: ORU^R40.
        source: what the message does not say of its sender.
        received: aware; of the journal.

    Returns:
        One report for each OBR that has an alarm, in order.

    Raises:
        MessageError: there is none, or a time cannot be read.
    """
    found = [
        _Alarm(part, group, event, source).report(received)
        for part in message.by_patient()
        for group in groups(part)
        if (event := _event(group)) is not None
    ]
    if not found:
        raise MessageError(
            "no OBX of an ORU^R40 says what is wrong: OBX-3 must be an event, such as MDC_EVT_ALARM"
        )
    return found


def _event(group: Group) -> Row | None:
    return next((row for row in group.rows if _is_event(row.obx)), None)


def _is_event(obx: Segment) -> bool:
    return obx.component(3) in _EVENTS or obx.component(3, 2).startswith(_EVENT)


class _Alarm:
    """One order group that tells of an alarm."""

    def __init__(self, message: Message, group: Group, event: Row, source: Source) -> None:
        self._message = message
        self._group = group
        self._event = event
        self._source = source
        self._systems: Mapping[str, str] = dict(source.systems)
        self._facets = {
            facet: row.obx for row in group.rows if (facet := _facet(row.obx)) is not None
        }

    def report(self, received: datetime) -> Report:
        sent = self._time(self._message.header.component(7), "MSH-7")
        at = self._at() or sent
        condition = self._condition()
        said = first_instant(sent.text) if sent else received
        return Report(
            key=self._number() or self._place(condition),
            kind="device",
            phase=self._phase(),
            said_us=round(said.timestamp() * 1_000_000),
            at=at.text if at else received.isoformat(timespec="milliseconds"),
            condition=condition,
        )

    def _number(self) -> str | None:
        """Give the number of the alarm, which all that is said of it has in common."""
        order = self._group.order
        if order is None:
            return None
        mark = order.separators.subcomponent or "&"
        parent = order.components(29)
        filler = next((part for part in (*parent[1:2], *parent[:1]) if part), "")
        parts = filler.split(mark) if filler else list(order.components(3))
        entity, namespace, universal, *_ = [*parts, "", "", ""]
        return f"{entity}|{universal or namespace}" if entity else None

    def _place(self, condition: Condition) -> str:
        """Give what tells alarms apart that have no number: device, place and what is wrong."""
        names = [each.value for level in condition.path for each in level.identifiers]
        codes = [code.code for code in condition.codes]
        return "|".join([*names, *codes, self._event.obx.component(4).rpartition(".")[0]])

    def _phase(self) -> Phase:
        said = self._said("phase")
        gone = self._said("state") in _GONE
        if not said:
            return "end" if gone else "start"
        phase = _PHASES.get(said, "update")
        return "end" if gone and phase == "update" else phase

    def _condition(self) -> Condition:
        coded, text = self._wrong()
        flags = self._flags()
        priority = self._said("priority").upper()
        person, visit = self._message.first("PID"), self._message.first("PV1")
        return Condition(
            codes=coded,
            text=text,
            priority=next(
                (_PRIORITIES[each] for each in (priority, *flags) if each in _PRIORITIES), None
            ),
            type=next((each for each in (self._said("type"), *flags) if each in _TYPES), None),
            state=self._said("state") or None,
            inactivation=self._inactivation(),
            path=self._path(),
            patient=identifiers(person, 3, self._systems),
            location=location(visit),
            evidence=self._evidence(),
        )

    def _wrong(self) -> tuple[tuple[Coding, ...], str]:
        """Give what is wrong: OBX-5 of a bare alarm, else the event itself."""
        obx = self._event.obx
        of_event = codings(obx.components(3), self._systems)
        parts = obx.components(5)
        coded = codings(parts, self._systems) if len(parts) > 1 else ()
        words = parts[8] if len(parts) > 8 else "" if len(parts) > 1 else parts[0]
        bare = obx.component(3) == _ALARM[0] or obx.component(3, 2) == _ALARM[1]
        chosen = coded if bare and coded else of_event
        return chosen, words or next((each.display for each in chosen if each.display), "")

    def _flags(self) -> list[str]:
        obx = self._event.obx
        return [components(text, obx.separators)[0] for text in obx.repetitions(8)]

    def _inactivation(self) -> tuple[str, ...]:
        obx = self._facets.get("inactivation")
        if obx is None:
            return ()
        return tuple(components(text, obx.separators)[0] for text in obx.repetitions(5))

    def _said(self, facet: _Facet) -> str:
        obx = self._facets.get(facet)
        return "" if obx is None else obx.component(5)

    def _path(self) -> tuple[Level, ...]:
        """Give the devices; OBX-18 of the event or of its source names the system."""
        place = self._event.place
        if place is None:
            return ()
        sender = application(self._message.header.components(3))
        path = self._group.containment(sender, self._systems).path(place)
        named = next(self._equipment(), None)
        if named is not None:
            path = (replace(path[0], identifiers=(named,)), *path[1:])
        source = self._facets.get("source")
        kind = codings(source.components(5), self._systems) if source is not None else ()
        if kind and path[-1].code is None:
            path = (*path[:-1], replace(path[-1], code=kind[0]))
        return path

    def _equipment(self) -> Iterator[Identifier]:
        for row in (self._event, *self._group.rows):
            named = read_equipment(row.obx, self._systems)
            if named is not None:
                yield named

    def _evidence(self) -> Evidence | None:
        """Give the first metric among the rows: neither a facet, nor a device."""
        for row in self._group.metrics():
            obx = row.obx
            if not _is_event(obx) and _facet(obx) is None and obx.component(5):
                unit = obx.component(6, 2) or obx.component(6)
                text = f"{obx.component(5)} {unit}".rstrip()
                codes = codings(obx.components(3), self._systems)
                return Evidence(codes, text, obx.component(7) or None)
        return None

    def _at(self) -> Moment | None:
        order = self._group.order
        given = [(row.obx.component(14), "OBX-14") for row in (self._event, *self._group.rows)]
        given.append((order.component(7) if order else "", "OBR-7"))
        return next((self._time(text, field) for text, field in given if text), None)

    def _time(self, text: str, field: str) -> Moment | None:
        return parse_time(text, self._source.zone, field) if text else None


def _facet(obx: Segment) -> _Facet | None:
    return _FACETS.get(obx.component(3)) or _FACETS.get(obx.component(3, 2))
