"""Whom devices and beds were given to by hand, and for how long. Pure.

What was said stands under a key: said again, it takes the place of what was said before, and may be
nothing any more. An assignment counts when it held, not when it was told: late readings go to
whoever had the device then. Where several hold at once all their patients are found, and nobody
chooses.
"""

from collections.abc import Collection, Iterator
from datetime import datetime

from msgspec import Struct

from fhirserver_device_bridge.reading import Identifier, Location


class Assignment(Struct, frozen=True):
    """That a device or a bed was a patient's for a time.

    Attributes:
        patient: with a URI as its system.
        start: aware, UTC; from then on.
        end: up to but not then; None for now.
        devices: identifiers of one device, as the server knows them, each with its system.
        place: the bed; None where a device is named.
        by: who said so; "" where nobody is named.
    """

    patient: Identifier
    start: datetime
    end: datetime | None = None
    devices: tuple[Identifier, ...] = ()
    place: Location | None = None
    by: str = ""

    def holds(self, at: datetime) -> bool:
        """Tell whether it holds at a time (aware)."""
        return self.start <= at and (self.end is None or at < self.end)

    def names(self, devices: Collection[Identifier]) -> bool:
        """Tell whether one of a device's identifiers is named."""
        wanted = {(each.system, each.value) for each in devices}
        return any((each.system, each.value) in wanted for each in self.devices)


class Assignments:
    """What is known of them."""

    def __init__(self) -> None:
        self._by_key: dict[str, tuple[Assignment, ...]] = {}

    def learn(self, key: str, said: tuple[Assignment, ...]) -> None:
        """Take in what is said under a key now."""
        self._by_key[key] = said

    def knows(self, devices: Collection[Identifier]) -> bool:
        """Tell whether a device was ever given to anybody."""
        return any(each.names(devices) for each in self._all())

    def of_device(self, devices: Collection[Identifier], at: datetime) -> list[Assignment]:
        """Find what a device was given to, by any of its identifiers, at a time."""
        return [each for each in self._all() if each.holds(at) and each.names(devices)]

    def of_beds(self, at: datetime) -> list[Assignment]:
        """Find what beds were given to at a time."""
        return [each for each in self._all() if each.holds(at) and each.place is not None]

    def _all(self) -> Iterator[Assignment]:
        return (each for said in self._by_key.values() for each in said)
