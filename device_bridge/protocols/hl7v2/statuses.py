"""OBX-8 and OBX-11: what a value is worth.

Spec: https://hl7.org/fhir/uv/pocd (mapping of PCD-01) and the v2-to-FHIR map of table 0085

R, "not verified", has no row in that map: it is FHIR's preliminary, "may be unverified". An empty
OBX-11 says nothing and becomes unknown.
"""

from functools import lru_cache
from typing import NamedTuple

from fhirserver_device_bridge.reading import AbsentReason, Coding, Flag, Status

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"

_FLAGS: dict[str, Flag] = {
    "INV": "invalid",
    "QUES": "questionable",
    "NAV": "not-available",
    "CAL": "calibrating",
    "TEST": "test",
    "DEMO": "demo",
    "VAL": "validated",
    "EARLY": "early-estimate",
    "BUSY": "ongoing",
    "ALACT": "alarm",
    "ALINH": "alarm-inhibited",
}

_ABSENT: dict[str, AbsentReason] = {
    "INV": "error",
    "NAV": "temp-unknown",
    "BUSY": "temp-unknown",
    "NI": "unknown",
    "OFF": "not-performed",
}

_REMEMBERED = 1000
_INTERPRETATIONS = {"N", "L", "LL", "H", "HH", "A", "<", ">"}

STATUSES: dict[str, Status] = {
    "A": "amended",
    "B": "final",
    "C": "corrected",
    "D": "entered-in-error",
    "F": "final",
    "I": "registered",
    "N": "cancelled",
    "P": "preliminary",
    "R": "preliminary",
    "S": "preliminary",
    "U": "final",
    "V": "final",
    "W": "entered-in-error",
    "X": "cancelled",
}
"""OBX-11 -> Observation.status; any other code is "unknown"."""


class Abnormal(NamedTuple):
    """OBX-8 in FHIR's terms.

    Attributes:
        flags: measurement status.
        absent: why there is no value; None if there may be one.
        interpretation: abnormality, codes that are not known as they were sent.
    """

    flags: frozenset[Flag]
    absent: AbsentReason | None
    interpretation: tuple[Coding, ...]


@lru_cache(_REMEMBERED)
def abnormal(codes: tuple[str, ...]) -> Abnormal:
    """Read the repetitions of OBX-8, e.g. ("DEMO", "H").

    Alert priorities (PN, PL, PM, PH), the kind of alarm (ST, SP) and private codes have no code of
    FHIR's: they are kept as interpretation without a system.
    """
    absent = next((_ABSENT[code] for code in codes if code in _ABSENT), None)
    flags = frozenset(_FLAGS[code] for code in codes if code in _FLAGS)
    rest = [code for code in codes if code not in _FLAGS and code not in _ABSENT]
    codings = tuple(
        Coding(INTERPRETATION if code in _INTERPRETATIONS else "", code) for code in rest
    )
    return Abnormal(flags, absent, codings)
