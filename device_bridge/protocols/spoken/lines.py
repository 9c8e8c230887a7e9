"""A line of text becomes readings, as its device's layout says.

device    one level (MDS): the source's `device`, and what the layout says of it
handle    the field, e.g. "4" or "weight"
time      of the line where the layout names it, else of receipt
patient   of the line where the layout names it, else whoever has the device
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from fhirserver_device_bridge.moments import in_zone, render_offset
from fhirserver_device_bridge.protocols.plain_text import plain_text
from fhirserver_device_bridge.protocols.spoken.checksums import checksum
from fhirserver_device_bridge.protocols.spoken.device import named, user
from fhirserver_device_bridge.protocols.spoken.layout import Clock, Field, Form, Layout, Measure
from fhirserver_device_bridge.protocols.spoken.layouts import line_layout_named
from fhirserver_device_bridge.protocols.spoken.recording import LINE, Spoken, SpokenError, read
from fhirserver_device_bridge.reading import (
    UCUM,
    AbsentReason,
    Coded,
    Coding,
    Identifier,
    Level,
    Moment,
    Precision,
    Quantity,
    Reading,
    Rejected,
    Value,
)
from fhirserver_device_bridge.source import Source

_NUMBER = re.compile(r"[+-]? *(\d{1,30}(\.\d{0,30})?|\.\d{1,30})")
_NO_FORM = "no form of the layout fits the line: add one, or let `ignore` name such lines"
_NO_TIME = "the time of the line is not of the layout's format"
_NO_NUMBER = "no number where the layout has one with a unit"
_NO_STATE = "a state that the layout does not name: add it to `states`"

_Fields = Mapping[Field, str]
_Found = tuple[Value | None, AbsentReason | None, str | None]


def measurements(raw: bytes, source: Source, sequence: int) -> list[Reading | Rejected]:
    """Read a recorded line. Pure, but for the layout, which is read before.

    Args:
        raw: as `recording.write` made it.
        source: its device, layout, zone, character set, sentinels and systems.
        sequence: of the recording in the journal.

    Raises:
        SpokenError: the source has no layout, the checksum is wrong, or no form fits.
    """
    layout = line_layout_named(source.lines)
    spoken = read(LINE, raw)
    text = _text(spoken.raw, layout, source.character_set)
    if layout.ignore is not None and layout.ignore.search(text):
        return []
    form, fields = _form(text, layout)
    line = _Line(layout, form, fields, source, sequence)
    return line.readings(spoken)


def _text(raw: bytes, layout: Layout, codec: str) -> str:
    """Give what the checksum covers, or the whole line."""
    try:
        marked = raw.rpartition(layout.start.encode(codec))[2] if layout.start else raw
        covered = marked if layout.checksum is None else _covered(marked, layout, codec)
        return covered.decode(codec)
    except UnicodeError:
        raise SpokenError(f"no {codec}: correct the source's character_set") from None


def _covered(marked: bytes, layout: Layout, codec: str) -> bytes:
    assert layout.checksum is not None
    kind, mark = layout.checksum.kind, layout.checksum.mark.encode(codec)
    size = len(checksum(kind, b""))
    covered, digits = marked.rstrip()[:-size], marked.rstrip()[-size:]
    if not covered.endswith(mark):
        raise SpokenError("no checksum where the layout has one, at the end of the line")
    covered = covered[: len(covered) - len(mark)]
    if digits.upper() != checksum(kind, covered):
        raise SpokenError("the checksum is that of another line")
    return covered


def _form(text: str, layout: Layout) -> tuple[Form, _Fields]:
    for form in layout.forms:
        fields = _fields(text, form)
        if all(fields.get(name) == wanted for name, wanted in form.when.items()) and fields:
            return form, fields
    raise SpokenError(_NO_FORM)


def _fields(text: str, form: Form) -> _Fields:
    """Give the fields of a line without spaces at their ends; none where the form does not fit."""
    if form.pattern is None:
        parts = text.split(form.separator)
        return {number: plain_text(part) for number, part in enumerate(parts, 1)}
    found = form.pattern.search(text)
    if found is None:
        return {}
    groups: dict[Field, str | None] = {}
    groups.update(enumerate((found[0], *found.groups())))
    groups.update(found.groupdict().items())
    return {name: plain_text(part or "") for name, part in groups.items()}


@dataclass(frozen=True, slots=True)
class _Line:
    """A line whose form is known."""

    layout: Layout
    form: Form
    fields: _Fields
    source: Source
    sequence: int

    def readings(self, spoken: Spoken) -> list[Reading | Rejected]:
        """Give one reading for each measure that the line has a field for."""
        received = Moment(spoken.at.isoformat(timespec="microseconds"), "fraction")
        time = received if self.form.time is None else self._time(self.form.time)
        return [
            self._reading(measure, time or received, None if time else _NO_TIME)
            for measure in self.form.measures
        ]

    def _reading(self, measure: Measure, time: Moment, fault: str | None) -> Reading | Rejected:
        value, absent, no_value = self._value(measure)
        layout = self.layout
        reading = Reading(
            source=self.source.name,
            sequence=self.sequence,
            codes=(measure.code,),
            path=(
                Level(
                    "mds",
                    code=layout.kind,
                    identifiers=(named(self.source),),
                    model=layout.model,
                    manufacturer=layout.manufacturer,
                ),
            ),
            handle=str(measure.place),
            value=value,
            absent=absent,
            time=time,
            sent=time,
            patient=(self._patient(),),
        )
        reason = fault or no_value
        return reading if reason is None else Rejected(reading, reason)

    def _value(self, measure: Measure) -> _Found:
        text = self.fields.get(measure.place, "")
        if not text or text in measure.absent:
            return None, "unknown", None
        if measure.states:
            meant = measure.states.get(text)
            if meant is None:
                return None, "unknown", _NO_STATE
            return Coded((meant,), text), None, None
        other = "." if self.layout.decimal == "," else ","
        plain = text.replace(self.layout.decimal, ".")
        if other not in text and _NUMBER.fullmatch(plain):
            return self._number(plain.replace(" ", "").removeprefix("+"), measure.unit)
        return (None, "unknown", _NO_NUMBER) if measure.unit else (text, None, None)

    def _number(self, digits: str, unit: str | None) -> _Found:
        number = Decimal(digits)
        if any(number == Decimal(each) for each in self.source.sentinels):
            return None, "unknown", None
        shown = format(number, "f")
        return Quantity(number, shown, Coding(UCUM, unit) if unit else None), None, None

    def _time(self, clock: Clock) -> Moment | None:
        text = " ".join(self.fields.get(each, "") for each in clock.fields)
        try:
            # Without an offset it is of the source's zone, which is told below.
            at = datetime.strptime(text, clock.format)  # noqa: DTZ007
        except ValueError:
            return None
        local, offset = at.replace(tzinfo=None), at.utcoffset()
        precision: Precision = "fraction" if local.microsecond else "second"
        if offset is not None:
            return Moment(local.isoformat() + render_offset(offset), precision)
        return in_zone(local.isoformat(), local, precision, self.source.zone)

    def _patient(self) -> Identifier:
        value = "" if self.form.patient is None else self.fields.get(self.form.patient, "")
        if not value:
            return user(self.source)
        return Identifier(dict(self.source.systems).get("patient", "patient"), value)
