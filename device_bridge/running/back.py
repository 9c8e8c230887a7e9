"""What works behind the ports, each in a thread: senders, the watch, couriers, mapping files."""

from fhirserver_device_bridge.config.settings import Bridge
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
        self._threads: list[Worker | Watch | Courier | Follower | Reloading] = [
            Worker(source, sending, drain=drain) for source in bridge.sources
        ]
        if drain:
            return
        self._threads += [Watch(bridge, journal, metrics), Reloading()]
        self._threads += [Courier(each, journal, metrics) for each in bridge.alarms.channels]
        if bridge.following.types:
            self._threads.append(Follower(bridge.following, bridge.server, journal))

    def start(self) -> None:
        """Begin."""
        for each in self._threads:
            each.start()

    def ring(self) -> None:
        """Tell that the journal was changed."""
        for each in self._threads:
            each.ring()

    def stop(self) -> None:
        """End after what is under way."""
        for each in self._threads:
            each.stop()
        self.join()

    def join(self) -> None:
        """Wait until all have ended."""
        for each in self._threads:
            each.join()
