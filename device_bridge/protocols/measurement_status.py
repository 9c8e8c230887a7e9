"""What a device's doubts about a measurement are for its Observation.

Spec: IEEE 11073-20601, "MeasurementStatus"; https://hl7.org/fhir/uv/phd (its mapping)
"""

from collections.abc import Set as AbstractSet

from fhirserver_device_bridge.reading import AbsentReason, Flag, Status

_ABSENT: dict[Flag, AbsentReason] = {"invalid": "error", "not-available": "temp-unknown"}
_PRELIMINARY: AbstractSet[Flag] = {"early-estimate", "ongoing"}


def absence(flags: AbstractSet[Flag]) -> AbsentReason | None:
    """Tell why there is no value, whatever was sent; None where there is one."""
    return next((_ABSENT[flag] for flag in _ABSENT if flag in flags), None)


def status(flags: AbstractSet[Flag]) -> Status:
    """Give the status: what is not finished is preliminary."""
    return "preliminary" if flags & _PRELIMINARY else "final"
