"""OBX-2, OBX-5 and OBX-6: a value as it was sent.

Spec: HL7 v2.6 chapter 2A; https://hl7.org/fhir/uv/pocd (mapping of PCD-01)

    NM            a number; an exponent, as some senders write it, is read too
    SN            comparator and number; ranges and ratios stay text
    CWE CE CNE    coded, with the alternative coding and the text
    CF IS ID      coded by the code alone
    ST TX FT      text, and so is any other type

OBX-2 may be absent where there is no value.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal

from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Segment, components
from fhirserver_device_bridge.reading import MDC, UCUM, Coded, Coding, Quantity, Value

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,2})?")
_CODED = {"CWE", "CE", "CNE", "CF", "IS", "ID"}
_LONGEST_NUMBER = 40

SYSTEMS = {
    "MDC": MDC,
    "LN": "http://loinc.org",
    "SCT": "http://snomed.info/sct",
    "UCUM": UCUM,
    "I10": "http://hl7.org/fhir/sid/icd-10",
}
"""HL7 table 0396 -> URI; a system without a row keeps the name that was sent."""


def read_value(obx: Segment, systems: Mapping[str, str]) -> Value | None:
    """Read OBX-5; None where it is empty.

    Args:
        obx: the segment.
        systems: URIs by the names that this sender uses, before those of `SYSTEMS`.

    Raises:
        MessageError: OBX-2 promises a number, and OBX-5 is none.
    """
    text = obx.component(5)
    kind = obx.field(2)
    if kind in _CODED:
        return _coded(obx, systems)
    if kind == "SN":
        return _structured(obx, systems)
    if not text:
        return None
    if kind == "NM":
        return Quantity(read_number(text), text, unit(obx, systems))
    return "\n".join(components(part, obx.separators)[0] for part in obx.repetitions(5))


def read_number(text: str, field: str = "OBX-5") -> Decimal:
    """Read a number and keep its digits.

    Raises:
        MessageError: it is none.
    """
    if len(text) > _LONGEST_NUMBER or not _NUMBER.fullmatch(text):
        remedy = ", which OBX-2 says it is: correct OBX-2" if field == "OBX-5" else ": send one"
        raise MessageError(f"{field} is no number{remedy}")
    return Decimal(text)


def unit(obx: Segment, systems: Mapping[str, str]) -> Coding | None:
    """Read OBX-6; None where it is empty."""
    return next(iter(codings(obx.components(6), systems)), None)


def codings(parts: Sequence[str], systems: Mapping[str, str]) -> tuple[Coding, ...]:
    """Read the codings of a CWE: components 1 to 3 and 4 to 6; those without a code are none."""
    padded = [*parts, *[""] * 6][:6]
    pairs = (padded[:3], padded[3:])
    return tuple(
        Coding(_system(system, systems), " ".join(code.split()), display or None)
        for code, display, system in pairs
        if code
    )


def _system(name: str, systems: Mapping[str, str]) -> str:
    return systems.get(name) or SYSTEMS.get(name, name)


def _coded(obx: Segment, systems: Mapping[str, str]) -> Coded | str | None:
    parts = obx.components(5)
    text = parts[8] if len(parts) > 8 and parts[8] else None
    found = codings(parts, systems)
    if found:
        return Coded(found, text)
    return text or (parts[1] if len(parts) > 1 and parts[1] else None)


def _structured(obx: Segment, systems: Mapping[str, str]) -> Quantity | str | None:
    comparator, number, *rest = [*obx.components(5), ""]
    if not number:
        return comparator or None
    if any(rest) or comparator not in ("", "=", "<", ">", "<=", ">="):
        return " ".join(part for part in (comparator, number, *rest) if part)
    value = Quantity(read_number(number), number, unit(obx, systems))
    for known in ("<", "<=", ">=", ">"):
        if comparator == known:
            return Quantity(value.value, value.text, value.unit, known)
    return value
