"""Who lay where at a time: what movements come to.

    a patient is where the last movement up to that time says; a discharge says nowhere
    a cancel takes the last movement of its kind back, as if it had never been
    an update places only a patient of whom nothing was known before
    who lies in a bed: the one patient who is there; two are never chosen from
    a bed, or a device, that was given to a patient by hand is the patient's as long as that holds
    a record that was merged stands for the one that it became

Movements may come in any order: what counts is when they happened. Readings that come late are
given to whoever lay there when they were measured.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime

from fhirserver_device_bridge.assignments import Assignments
from fhirserver_device_bridge.movement import CANCELS, Movement
from fhirserver_device_bridge.reading import Identifier, Location

Numbered = tuple[int, int, Movement]
"""Number of the message in the journal, place in the message, and the movement."""

_Record = tuple[str, str]
_Bed = tuple[str | None, str | None, str | None]


class Whereabouts:
    """What is known of places.

    Attributes:
        assignments: what was given to whom by hand.
    """

    def __init__(self) -> None:
        self.assignments = Assignments()
        self._of: defaultdict[_Record, dict[tuple[int, int], Movement]] = defaultdict(dict)
        self._been_in: defaultdict[_Bed, set[_Record]] = defaultdict(set)
        self._became: dict[_Record, Identifier] = {}

    def learn(self, movements: Iterable[Numbered]) -> None:
        """Take movements in; one that is known already may come again."""
        for entry, part, movement in movements:
            record = _record(movement.patient)
            if movement.prior is not None:
                self._became[_record(movement.prior)] = movement.patient
                continue
            self._of[record][entry, part] = movement
            if movement.place is not None:
                self._been_in[_bed(movement.place)].add(record)

    def patients_in(self, place: Location, at: datetime) -> list[Identifier]:
        """Find who lay in a bed at a time (aware)."""
        found = {
            _record(patient): patient
            for record in self._been_in.get(_bed(place), ())
            for there, patient in [self._at(record, at)]
            if there is not None and patient is not None and _same(there, place)
        }
        for each in self.assignments.of_beds(at):
            if each.place is not None and _same(each.place, place):
                patient = self._now(each.patient)
                found[_record(patient)] = patient
        return list(found.values())

    def patients_with(self, devices: Collection[Identifier], at: datetime) -> list[Identifier]:
        """Find whose a device was at a time (aware), by any of its identifiers."""
        given = (self._now(each.patient) for each in self.assignments.of_device(devices, at))
        return list({_record(patient): patient for patient in given}.values())

    def _at(self, record: _Record, at: datetime) -> tuple[Location | None, Identifier | None]:
        last = None
        for movement in _valid(self._of[record]):
            if movement.at > at:
                break
            if movement.event != "A08" or last is None:
                last = movement
        if last is None or last.event == "A03":
            return None, None
        return last.place, self._now(last.patient)

    def _now(self, patient: Identifier) -> Identifier:
        """Follow merges; a circle of them ends where it began."""
        seen = {_record(patient)}
        while (became := self._became.get(_record(patient))) and _record(became) not in seen:
            patient = became
            seen.add(_record(patient))
        return patient


def _valid(movements: dict[tuple[int, int], Movement]) -> list[Movement]:
    """Take back what was cancelled, and order the rest by when it happened."""
    left: list[tuple[datetime, tuple[int, int], Movement]] = []
    for number, movement in sorted(movements.items()):
        cancelled = CANCELS.get(movement.event)
        if cancelled is None:
            left.append((movement.at, number, movement))
            continue
        for index in range(len(left) - 1, -1, -1):
            if left[index][2].event == cancelled:
                del left[index]
                break
    return [movement for _, _, movement in sorted(left, key=lambda each: each[:2])]


def _record(identifier: Identifier) -> _Record:
    return identifier.system, identifier.value


def _bed(place: Location) -> _Bed:
    return place.point_of_care, place.room, place.bed


def _same(there: Location, place: Location) -> bool:
    """Compare what two messages call a bed; a facility that only one names does not tell apart."""
    return _bed(there) == _bed(place) and (
        not there.facility or not place.facility or there.facility == place.facility
    )
