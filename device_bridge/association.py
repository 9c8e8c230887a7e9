"""On whom a reading was taken; never guessed.

an identifier of a person    that person; one without a URI is nobody, whatever the bed says
else the specimen            whoever the server says that it was taken from
else the device              whoever it was given to by hand when it was measured
else the bed                 of the message (PV1-3), or that which the source gives the device:
                             whoever lay there when it was measured
else                         unknown: held
"""

from collections.abc import Iterable
from datetime import datetime

from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.reading import (
    Identifier,
    Location,
    Reading,
    is_uri,
    persons,
    record_number,
)
from fhirserver_device_bridge.source import DEVICE_USER, Source
from fhirserver_device_bridge.whereabouts import Whereabouts

_NOBODY = "patient unknown: no identifier of a person is given, and no bed"
_NO_TIME = "patient unknown: nobody is named, and OBX-14 tells less than the minute"
_SEVERAL_HAVE_IT = (
    "patient unknown: no identifier of a person is given, and the device was several patients' when"
    " it was measured"
)
_NO_SPECIMENS = (
    "patient unknown: only a specimen is named, and its numbers have no URI; give one to"
    " 'specimens' in the source's systems"
)


class UnknownPatientError(Exception):
    """Nobody knows yet; the message is held. Its text names no patient."""


def patient_of(
    reading: Reading, source: Source, whereabouts: Whereabouts, received: datetime
) -> Identifier:
    """Find the patient of a reading.

    Raises:
        UnknownPatientError: there is none, or more than one.
    """
    known = record_number(reading.patient)
    if known is not None:
        return known
    if any(each.system != DEVICE_USER for each in persons(reading.patient)):
        raise unknown_authority(reading.patient)
    given = _given(reading, whereabouts, received)
    if given is not None:
        return given
    place = _place(reading, source)
    if place is None:
        raise unknown_authority(reading.patient)
    return _in_bed(place, _instants(reading, received), whereabouts)


def unknown_authority(identifiers: Iterable[Identifier]) -> UnknownPatientError:
    """Tell that a person is named by numbers without a URI only, or by none."""
    systems = {each.system for each in persons(identifiers)}
    if not systems:
        return UnknownPatientError(_NOBODY)
    listed = ", ".join(map(repr, sorted(systems - {DEVICE_USER} or {DEVICE_USER})))
    return UnknownPatientError(
        f"patient unknown: no URI for the authority {listed}; give it one in the source's systems"
    )


def is_about_somebody(
    reading: Reading, source: Source, whereabouts: Whereabouts, received: datetime
) -> bool:
    """Tell whether there is any way to its patient: identifier, specimen, device or bed."""
    if persons(reading.patient) or reading.specimen is not None:
        return True
    devices = _devices(reading)
    if whereabouts.assignments.knows(devices):
        instants = _instants(reading, received)
        if any(whereabouts.patients_with(devices, at) for at in instants):
            return True
    return _place(reading, source) is not None


def specimen_of(reading: Reading) -> Identifier | None:
    """Give the specimen by which the patient is to be found; None where it is another way.

    Raises:
        UnknownPatientError: there is nothing but a specimen, and its numbers have no URI.
    """
    if reading.specimen is None or persons(reading.patient):
        return None
    if not is_uri(reading.specimen.system):
        raise UnknownPatientError(_NO_SPECIMENS)
    return reading.specimen


def _devices(reading: Reading) -> list[Identifier]:
    """Give the identifiers of all devices around a reading, as the server knows them."""
    return [
        identity.business(each, reading.source)
        for level in reading.path
        for each in level.identifiers
    ]


def _given(reading: Reading, whereabouts: Whereabouts, received: datetime) -> Identifier | None:
    """Give whose the device was; None where it was nobody's, so that the bed tells."""
    devices = _devices(reading)
    if not whereabouts.assignments.knows(devices):
        return None
    instants = _instants(reading, received)
    whose = [whereabouts.patients_with(devices, at) for at in instants]
    found = {patient for patients in whose for patient in patients}
    if len(found) > 1 or (found and not all(whose)):
        raise UnknownPatientError(_SEVERAL_HAVE_IT)
    return found.pop() if found else None


def _place(reading: Reading, source: Source) -> Location | None:
    if reading.location is not None and reading.location.bed:
        return reading.location
    beds = dict(source.beds)
    names = (each.value for level in reading.path for each in level.identifiers)
    return next((beds[name] for name in names if name in beds), None)


def _instants(reading: Reading, received: datetime) -> list[datetime]:
    """Give when it was measured: two instants where a change of clocks leaves both possible."""
    if reading.time is None:
        return [received]
    if reading.time.precision not in ("minute", "second", "fraction"):
        raise UnknownPatientError(_NO_TIME)
    texts = (reading.time.text, reading.time.latest)
    return [datetime.fromisoformat(text) for text in texts if text is not None]


def _in_bed(place: Location, instants: list[datetime], whereabouts: Whereabouts) -> Identifier:
    found = {patient for at in instants for patient in whereabouts.patients_in(place, at)}
    if len(found) != 1 or not all(whereabouts.patients_in(place, at) for at in instants):
        who = "several lay" if len(found) > 1 else "nobody lay"
        raise UnknownPatientError(
            f"patient unknown: no identifier of a person is given, and {who} in the bed when it was"
            " measured, by what ADT messages have said"
        )
    return found.pop()
