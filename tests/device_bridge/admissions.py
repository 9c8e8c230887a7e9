"""Synthetic messages of a ward: who is admitted, and what monitors say that know only their bed."""

from datetime import UTC, datetime

from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.source import Source
from fhirserver_device_bridge.whereabouts import Whereabouts

BED_1, BED_2 = "ICU^1^A", "ICU^2^A"
ONE, TWO = "1^^^HOSP^MR", "2^^^HOSP^MR"


def adt(event: str, hour: int, *persons: tuple[str, str], prior: str = "") -> bytes:
    """Write an ADT message; persons are PID-3 and PV1-3."""
    at = f"20260504{hour:02}0000+0000"
    lines = [f"MSH|^~\\&|HIS||||{at}||ADT^{event}|M|P|2.6", f"EVN||{at}||||{at}"]
    for number, place in persons:
        lines += [f"PID|||{number}", f"PV1||I|{place}"]
    if prior:
        lines.append(f"MRG|{prior}")
    return "".join(f"{line}\r" for line in lines).encode("ascii")


def oru(at: str, bed: str = BED_1, patient: str = "", device: str = "M1") -> bytes:
    lines = (
        f"MSH|^~\\&|{device}||||{at}||ORU^R01|1|P|2.6",
        *([f"PID|||{patient}"] if patient else []),
        *([f"PV1||I|{bed}"] if bed else []),
        f"OBR|1|||1^x^L|||{at}",
        "OBX|1|NM|149530^MDC_PULS_OXIM_PULS_RATE^MDC|1.1.1.1|61|264864^x^MDC|||||F",
    )
    return "".join(f"{line}\r" for line in lines).encode("ascii")


SYSTEMS = (("HOSP", "urn:hosp"),)
FEED = Source("adt", systems=SYSTEMS, admissions=True)
BEDSIDE = Source("icu", systems=SYSTEMS)
NOW = datetime(2026, 5, 4, 23, tzinfo=UTC)


def told(*messages: bytes) -> Whereabouts:
    known = Whereabouts()
    for entry, raw in enumerate(messages, 1):
        found = convert(raw, FEED, NOW, entry)
        assert found.rejected is None
        known.learn((entry, part, each) for part, each in enumerate(found.movements))
    return known


def hour(hour: int) -> str:
    return f"20260504{hour:02}3000+0000"


def charted(known: Whereabouts, raw: bytes, source: Source = BEDSIDE) -> str:
    """Give the number of the patient on whom readings are charted, or "held"."""
    found: Conversion = convert(raw, source, NOW, 9, known)
    if found.held is not None:
        assert found.bundle is None
        return "held"
    (patient,) = found.patients
    return patient.removeprefix("Patient?identifier=urn:hosp|")
