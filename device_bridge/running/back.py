"""What works behind the ports, each in a thread: senders, the watch, couriers, mapping files."""

import threading
from collections.abc import Iterator

from fhirserver_device_bridge.config.settings import Bridge
from fhirserver_device_bridge.journal.entries import sources_waiting
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.notification.courier import Courier
from fhirserver_device_bridge.running.reloading import Reloading
from fhirserver_device_bridge.running.watch import Watch
from fhirserver_device_bridge.sender.follower import Follower
from fhirserver_device_bridge.sender.worker import Sending, Worker


class Back:
    """All of them.

    Args:
        drain: only the senders, which end once nothing waits any more.
    """

    def __init__(
        self, bridge: Bridge, journal: Journal, metrics: Metrics, *, drain: bool = False
    ) -> None:
        sending = Sending(journal, bridge.server, bridge.delivery, metrics)
        self._senders = {
            source.name: Worker(source, sending, drain=drain) for source in bridge.sources
        }
        self._others: list[Watch | Courier | Follower | Reloading] = []
        self._reader = journal.reader()
        self._ringing = threading.Lock()
        self._ended = False
        if drain:
            return
        self._others += [Watch(bridge, journal, metrics), Reloading()]
        self._others += [Courier(each, journal, metrics) for each in bridge.alarms.channels]
        if bridge.following.types:
            self._others.append(Follower(bridge.following, bridge.server, journal))

    def start(self) -> None:
        """Begin."""
        for each in self._all():
            each.start()

    def ring(self) -> None:
        """Tell that the journal was changed; senders only where something waits for them."""
        with self._ringing:
            if self._ended:
                return
            waiting = sources_waiting(self._reader, self._senders)
        for each in (*self._others, *(self._senders[name] for name in waiting)):
            each.ring()

    def stop(self) -> None:
        """End after what is under way."""
        for each in self._all():
            each.stop()
        self.join()

    def join(self) -> None:
        """Wait until all have ended."""
        for each in self._all():
            each.join()
        with self._ringing:
            self._ended = True
            self._reader.close()

    def _all(self) -> Iterator[Worker | Watch | Courier | Follower | Reloading]:
        yield from self._senders.values()
        yield from self._others
