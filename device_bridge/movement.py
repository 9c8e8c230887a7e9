"""Who lies where, and whose record is whose, as one event tells it (HL7 v2, ADT)."""

from datetime import datetime

from msgspec import Struct

from fhirserver_device_bridge.reading import Identifier, Location

EVENTS = frozenset({"A01", "A02", "A03", "A08", "A11", "A12", "A13", "A17", "A40"})
"""Events of HL7 table 0003 that say who lies where, or whose record is whose."""

CANCELS = {"A11": "A01", "A12": "A02", "A13": "A03"}
"""Events that take another back."""


class Movement(Struct, frozen=True):
    """What one event says of one patient.

    Attributes:
        event: of `EVENTS`.
        at: when it happened, aware, UTC.
        patient: with a URI as its system.
        place: where to; None where it is not said.
        prior: the record that became the patient's (A40); None for all other events.
    """

    event: str
    at: datetime
    patient: Identifier
    place: Location | None = None
    prior: Identifier | None = None
