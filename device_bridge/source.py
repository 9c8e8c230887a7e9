"""What must be known of a sender that its messages do not say: the configuration says it."""

from dataclasses import dataclass
from datetime import UTC, tzinfo
from decimal import Decimal
from typing import Literal

from fhirserver_device_bridge.reading import Location

DEVICE_USER = "device-user"
"""The name under which a source's `systems` give the system of those whom a device only numbers."""

SHIPPED = "standard"
"""Name of the mapping that is shipped."""

MESSAGES = ("ADT", "MDM", "ORDERS", "ORU", "SIU", "VXU")
"""Names of the mappings of messages that are shipped."""

REGISTERS = ("generic-infusion-pump", "generic-monitor", "generic-ventilator")
"""Names of the maps of registers that are shipped."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a decoder must know of a sender that its messages do not say.

    Attributes:
        name: of the source in the configuration; stands in identifiers, so it must never change.
        mapping: `SHIPPED`, or the path of a mapping file.
        character_set: of Python, for messages that name none (MSH-18 empty).
        zone: of times without an offset.
        acknowledgement: overrides MSH-15 and MSH-16; None for the message's own word.
        sentinels: numbers, as sent, that this source uses for "no value", e.g. "-1", "32767".
        registers: the map of its registers (Modbus), of `REGISTERS` or the path of a file; None for
            other protocols.
        lines: path of the layout of its lines; None for other protocols.
        device: its system and value, where its messages do not say it.
        specimen_component: which component of O.3 or O.4 is the specimen's number, from 1 (ASTM);
            None for the only one that is sent.
        admissions: whether its ADT messages say who lies where.
        messages: mappings by which messages of HL7 v2 become resources: names of those that are
            shipped, and paths of files.
        waveform_s: how much of a waveform one Observation holds; longer ones become several.
        silence_s: a device that is silent for longer raises an alarm; None for none.
        beds: places of devices that do not say where they are, by a device's identifier.
        systems: URIs of code systems and assigning authorities, by the names the sender uses,
            e.g. {"Hospital": "urn:oid:1.2.3"}.
    """

    name: str
    mapping: str = SHIPPED
    character_set: str = "utf-8"
    zone: tzinfo = UTC
    acknowledgement: Literal["original", "enhanced", "none"] | None = None
    sentinels: frozenset[str] = frozenset()
    systems: tuple[tuple[str, str], ...] = ()
    registers: str | None = None
    lines: str | None = None
    device: tuple[str, str] = ("", "")
    specimen_component: int | None = None
    admissions: bool = False
    silence_s: float | None = None
    messages: tuple[str, ...] = ()
    waveform_s: Decimal = Decimal(10)
    beds: tuple[tuple[str, Location], ...] = ()
