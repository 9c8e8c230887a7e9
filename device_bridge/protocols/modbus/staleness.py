"""Whether a device still measures: its heartbeat goes on.

A device may answer for hours with the last thing that it knew. Where its map names a register that
changes with every measurement, values are called stale once it has stood still for too long.
"""

from collections.abc import Iterable

from fhirserver_device_bridge.protocols.modbus.layout import Heartbeat
from fhirserver_device_bridge.protocols.modbus.recording import Polled


class Staleness:
    """Watches one device.

    Args:
        heartbeat: None for a device that has none: it is never stale.
    """

    def __init__(self, heartbeat: Heartbeat | None) -> None:
        self._heartbeat = heartbeat
        self._last: int | None = None
        self._changed_s = 0.0

    def is_stale(self, blocks: Iterable[Polled], now_s: float) -> bool:
        """Look at a poll; `now_s` is of a clock that only goes forward."""
        beat = self._heartbeat
        if beat is None:
            return False
        value = find(blocks, beat.table, beat.address, 1)
        if value is None or value[0] != self._last:
            self._last = None if value is None else value[0]
            self._changed_s = now_s
        return now_s - self._changed_s >= beat.stale_s


def find(blocks: Iterable[Polled], table: str, address: int, width: int) -> tuple[int, ...] | None:
    """Find registers in a poll; None where they were not given."""
    for block in blocks:
        first = address - block.address
        if block.table == table and first >= 0 and first + width <= len(block.values):
            return block.values[first : first + width]
    return None
