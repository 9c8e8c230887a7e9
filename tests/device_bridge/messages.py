"""Synthetic messages of devices, made segment by segment."""

from datetime import UTC, datetime

from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.source import Source

HOSPITAL = "urn:oid:1.2.826.0.1.3680043.10.1"
PATIENT = f"Patient?identifier={HOSPITAL}|P-7"
RECEIVED = datetime(2026, 5, 4, 10, 0, 5, tzinfo=UTC)
WARD = Source("ward", systems=(("HOSP", HOSPITAL),))

PULSE = "149530^MDC_PULS_OXIM_PULS_RATE^MDC"
SATURATION = "150456^MDC_PULS_OXIM_SAT_O2^MDC"
TEMPERATURE = "150344^MDC_TEMP^MDC"
PER_MINUTE = "264864^MDC_DIM_BEAT_PER_MIN^MDC"
PERCENT = "262688^MDC_DIM_PERCENT^MDC"
CELSIUS = "268192^MDC_DIM_DEGC^MDC"


def obx(
    code: str = PULSE,
    place: str = "1.1.1.1",
    value: str = "61",
    *,
    kind: str = "NM",
    unit: str = PER_MINUTE,
    **fields: str,
) -> str:
    """Write an OBX.

    Args:
        code: OBX-3.
        place: OBX-4.
        value: OBX-5.
        kind: OBX-2.
        unit: OBX-6.
        fields: further ones by their number, e.g. f11="R".
    """
    numbered = {1: "1", 2: kind, 3: code, 4: place, 5: value, 6: unit, 11: "F"}
    numbered.update({int(name[1:]): text for name, text in fields.items()})
    return "OBX|" + "|".join(numbered.get(number, "") for number in range(1, max(numbered) + 1))


def oru(
    *segments: str,
    sent: str = "20260504100003+0000",
    patient: str = "P-7^^^HOSP^MR",
    observed: str = "20260504100000+0000",
    kind: str = "ORU^R01^ORU_R01",
    **fields: str,
) -> bytes:
    """Write a message.

    Args:
        segments: after the OBR.
        sent: MSH-7.
        patient: PID-3.
        observed: OBR-7.
        kind: MSH-9.
        fields: further ones of MSH by their number, e.g. f18="ASCII".
    """
    header = {2: "^~\\&", 3: "MON^0011223344556677^EUI-64", 7: sent, 9: kind, 10: "M1", 11: "P"}
    header.update({12: "2.6", 18: "UNICODE UTF-8"})
    header.update({int(name[1:]): text for name, text in fields.items()})
    msh = "MSH|" + "|".join(header.get(number, "") for number in range(2, max(header) + 1))
    lines = [msh, f"PID|||{patient}", "PV1||I|ICU^2^B1", f"OBR|1|||1^x^L|||{observed}", *segments]
    return "".join(line + "\r" for line in lines).encode("utf-8")


def converted(raw: bytes, source: Source = WARD, sequence: int = 1) -> Conversion:
    """Convert a message at a time that is always the same."""
    return convert(raw, source, RECEIVED, sequence)
