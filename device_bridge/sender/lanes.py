"""The connections of a source to the server, and which messages go over which.

The messages of a device go over one connection, one after the other; devices do not wait for each
other. What a window of messages writes is written once in it (`merge.Window`), so that no order
between connections matters.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from fhirserver_device_bridge.config.settings import Server
from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.journal.entries import Entry
from fhirserver_device_bridge.sender.judgement import Judgement
from fhirserver_device_bridge.sender.lane import Lane


class Item(NamedTuple):
    """A message on its way."""

    entry: Entry
    conversion: Conversion


class Judged(NamedTuple):
    """A message, and what became of it."""

    item: Item
    judgement: Judgement


class Lanes:
    """Connections that work side by side.

    Args:
        server: where to.
        number: of connections.
    """

    def __init__(self, server: Server, number: int) -> None:
        self._lanes = [Lane(server) for _ in range(number)]
        self._pool = ThreadPoolExecutor(number, "lane")

    def deliver(self, items: Iterable[Item]) -> list[Judged]:
        """Deliver messages that may be sent together; those behind one that waits are left out."""
        lanes: defaultdict[int, list[Item]] = defaultdict(list)
        for item in items:
            lanes[_device(item.conversion) % len(self._lanes)].append(item)
        delivered = self._pool.map(self._delivered, lanes, lanes.values())
        return [judged for lane in delivered for judged in lane]

    def close(self) -> None:
        """Close all connections."""
        self._pool.shutdown()
        for lane in self._lanes:
            lane.close()

    def _delivered(self, lane: int, items: list[Item]) -> list[Judged]:
        judgements = self._lanes[lane].deliver([item.conversion for item in items])
        return [Judged(*each) for each in zip(items, judgements, strict=False)]


def _device(conversion: Conversion) -> int:
    """Give a number of the device that a message is from."""
    path = conversion.readings[0].path[:1] if conversion.readings else ()
    names = [each.value for level in path for each in level.identifiers]
    return zlib.crc32("|".join(names).encode("utf-8", "surrogatepass"))
