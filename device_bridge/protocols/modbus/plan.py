"""Which registers are read at once: what stands near together costs one request; pure."""

from collections.abc import Iterable
from itertools import groupby

from fhirserver_device_bridge.protocols.modbus.frames import FUNCTIONS, MOST, Block, Table
from fhirserver_device_bridge.protocols.modbus.layout import Layout

_Span = tuple[Table, int, int]
"""Table, first address, address behind the last."""


def blocks(layout: Layout) -> list[Block]:
    """Plan the requests of one poll, by function and address.

    A value is never split between two requests: its halves would be of two moments.
    """
    spans: list[_Span] = [
        (each.table, each.address, each.address + each.width) for each in layout.measures
    ]
    beat = layout.heartbeat
    if beat is not None:
        spans.append((beat.table, beat.address, beat.address + 1))
    spans.sort(key=lambda span: (FUNCTIONS[span[0]], *span[1:]))
    return [
        Block(table, first, end - first)
        for table, of_table in groupby(spans, lambda span: span[0])
        for first, end in _merged(of_table, layout.gap, MOST[table])
    ]


def _merged(spans: Iterable[_Span], gap: int, most: int) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for _, first, end in spans:
        if (
            merged
            and first <= merged[-1][1] + gap
            and max(end, merged[-1][1]) - merged[-1][0] <= most
        ):
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((first, end))
    return merged
