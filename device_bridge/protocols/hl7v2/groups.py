"""Order groups of a message: an OBR and its OBX segments with their notes, places and facets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from fhirserver_device_bridge.protocols.hl7v2.clocks import is_clock
from fhirserver_device_bridge.protocols.hl7v2.containment import (
    Containment,
    Place,
    is_attribute,
    read_place,
)
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Message, Segment, components
from fhirserver_device_bridge.protocols.hl7v2.waveforms import Facets, facet, facets
from fhirserver_device_bridge.reading import Identifier

_Metric = tuple[tuple[str, ...], str | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One OBX.

    Attributes:
        obx: the segment.
        place: of OBX-4; None where that cannot be read.
        notes: texts of the NTE segments below it.
    """

    obx: Segment
    place: Place | None
    notes: list[str] = field(default_factory=list)

    @property
    def is_clock(self) -> bool:
        """Tell whether it is what a device's clock showed."""
        return is_clock(self.obx, self.place)

    @property
    def metric(self) -> _Metric | None:
        """What a facet and its metric have in common."""
        return (self.place.devices, self.place.metric) if self.place else None


@dataclass(slots=True)
class Group:
    """One OBR, or what stands before the first.

    Attributes:
        order: the OBR; None before the first.
        rows: its OBX in order.
    """

    order: Segment | None = None
    rows: list[Row] = field(default_factory=list)

    def containment(self, sender: Identifier | None, systems: Mapping[str, str]) -> Containment:
        """Give the devices of this group."""
        placed = ((row.obx, row.place) for row in self.rows if row.place)
        return Containment(placed, sender, systems)

    def waveforms(self) -> dict[_Metric, Facets]:
        """Give the facets of each waveform (NA)."""
        below: dict[_Metric, list[Segment]] = {
            row.metric: [] for row in self.rows if row.metric and row.obx.field(2) == "NA"
        }
        for row in self.rows:
            if row.metric in below and row.obx.field(2) != "NA":
                below[row.metric].append(row.obx)
        return {metric: facets(rows) for metric, rows in below.items()}

    def metrics(self) -> Iterator[Row]:
        """Give the rows that make readings: no devices, no clocks, no facets of waveforms."""
        waves = self.waveforms()
        return (
            row
            for row in self.rows
            if not _is_device(row) and not row.is_clock and not _is_taken(row, waves)
        )

    def clocks(self) -> Iterator[tuple[Row, Place]]:
        """Give the rows of clocks, with the devices whose clocks they are."""
        return ((row, row.place) for row in self.rows if row.place and row.is_clock)


def _is_device(row: Row) -> bool:
    if row.place is None or row.place.metric is not None:
        return False
    return is_attribute(row.obx) or not row.obx.field(5)


def _is_taken(row: Row, waves: Mapping[_Metric, Facets]) -> bool:
    return row.obx.field(2) != "NA" and row.metric in waves and facet(row.obx) is not None


def groups(message: Message) -> Iterator[Group]:
    """Split a message into its order groups."""
    group = Group()
    for segment in message.segments:
        if segment.name == "OBR":
            yield group
            group = Group(segment)
        elif segment.name == "OBX":
            group.rows.append(Row(segment, _place(segment)))
        elif segment.name == "NTE" and group.rows:
            group.rows[-1].notes.extend(_note(segment))
    yield group


def _place(obx: Segment) -> Place | None:
    try:
        return read_place(obx.component(4))
    except MessageError:
        return None


def _note(segment: Segment) -> Iterator[str]:
    for text in segment.repetitions(3):
        yield components(text, segment.separators)[0]
