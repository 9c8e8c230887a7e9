"""Row ids, handed out from blocks that this process has taken from the database's sequence.

An id in hand before the write makes a create, or a whole Bundle, one statement. Ids left in a
block when the process ends are never used.
"""

from __future__ import annotations

import threading

from fhirserver.store.schema import RID_BLOCK
from fhirserver.store.statement import StoreConnection

_TAKE_BLOCKS = "SELECT nextval('rid_seq') FROM generate_series(1, %s)"


class RidBlocks:
    """Row ids of this process; safe to use from many threads."""

    def __init__(self) -> None:
        self._free: list[range] = []
        self._lock = threading.Lock()

    def take(self, connection: StoreConnection, count: int) -> list[int]:
        """Return `count` ids that nobody else gets.

        Args:
            connection: asks for blocks if none is left; the caller's own, because waiting for a
                second one while holding a row would let a full pool wait for itself.
            count: how many; may be 0.
        """
        found: list[int] = []
        with self._lock:
            while len(found) < count:
                if not self._free:
                    blocks = -(-(count - len(found)) // RID_BLOCK)
                    rows = connection.execute(_TAKE_BLOCKS, (blocks,)).fetchall()
                    self._free = [range(start, start + RID_BLOCK) for (start,) in sorted(rows)]
                block = self._free.pop(0)
                wanted = count - len(found)
                found.extend(block[:wanted])
                if len(block) > wanted:
                    self._free.insert(0, block[wanted:])
        return found
