"""Readings of one measurement become one: three pressures are a blood pressure.

Together are readings of one message whose metrics have the same panel, the same devices and the
same time, and of which all or none are posted as wrong. What the protocol tells of a panel
(`compound`) goes first.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fhirserver_device_bridge.mapping.table import Metric, Table
from fhirserver_device_bridge.reading import Coding, Level, Moment, Reading


@dataclass(frozen=True, slots=True)
class Measurement:
    """What becomes one Observation.

    Attributes:
        parts: one reading, or several in the order of the panel's members.
        panel: what the parts are together; None for a single reading.
    """

    parts: tuple[Reading, ...]
    panel: Coding | None = None


_Key = tuple[Coding, tuple[Level, ...], Moment | None, bool]


def group(readings: Iterable[Reading], table: Table) -> list[Measurement]:
    """Group readings; the order is that of each group's first reading.

    A panel takes a member once: a second reading of the same metric stands alone.
    """
    panels: dict[_Key, dict[str, Reading]] = {}
    order: list[tuple[_Key | None, Reading]] = []
    for reading in readings:
        key, member = _panel(reading, table)
        if key is None or member in panels.get(key, {}):
            order.append((None, reading))
        else:
            if key not in panels:
                order.append((key, reading))
            panels.setdefault(key, {})[member] = reading
    return [
        _measurement(panels.get(key, {}) if key else {}, key, first, table) for key, first in order
    ]


def _panel(reading: Reading, table: Table) -> tuple[_Key | None, str]:
    metric = table.metric(reading.codes)
    panel = _panel_code(reading, metric, table)
    if panel is None:
        return None, ""
    member = metric.code.code if metric else reading.handle
    wrong = reading.status == "entered-in-error"
    return (panel, reading.path, reading.time, wrong), member


def _panel_code(reading: Reading, metric: Metric | None, table: Table) -> Coding | None:
    if reading.compound:
        return reading.compound
    panel = table.panels.get(metric.code.code) if metric else None
    return panel.code if panel else None


def _measurement(
    members: dict[str, Reading], key: _Key | None, first: Reading, table: Table
) -> Measurement:
    if key is None or len(members) < 2:
        return Measurement((first,))
    panel = key[0]
    usual = table.members.get(panel.code, ())
    ordered = sorted(
        members.items(),
        key=lambda entry: usual.index(entry[0]) if entry[0] in usual else len(usual),
    )
    return Measurement(tuple(reading for _, reading in ordered), panel)
