"""Small messages of HL7 v2 for tests, and what they become."""

from typing import Any

from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.source import MESSAGES, Source
from tests.device_bridge.messages import RECEIVED

HOSPITAL = "urn:oid:1.2.3"
VISITS = "urn:oid:1.2.4"
SOURCE = Source(
    "his", messages=MESSAGES, systems=(("HOSP", HOSPITAL), ("VISIT", VISITS), ("LAB", "urn:lab"))
)


def segment(name: str, **fields: str) -> str:
    """Write a segment; fields by their number, e.g. f5="Doe^Jane"."""
    numbered = {int(number[1:]): text for number, text in fields.items()}
    return "|".join((name, *(numbered.get(each, "") for each in range(1, max(numbered) + 1))))


PID = segment("PID", f3="P1^^^HOSP^MR", f5="Doe^Jane^Q", f7="19800229", f8="F")
PV1 = segment(
    "PV1",
    f2="I",
    f3="ICU^2^B1",
    f4="E",
    f6="ER^1^1",
    f7="77^Who^Doctor^^^Dr^^^HOSP",
    f10="CAR",
    f19="V1^^^VISIT^VN",
    f44="20260504080000+0000",
)


def message(kind: str, *segments: str, sent: str = "20260504090000+0000") -> bytes:
    """Write a message.

    Args:
        kind: MSH-9, e.g. "ADT^A01".
        segments: after MSH.
        sent: MSH-7.
    """
    header = f"MSH|^~\\&|HIS|H|||{sent}||{kind}|M1|P|2.5.1||||||UNICODE UTF-8"
    return "".join(f"{line}\r" for line in (header, *segments)).encode("utf-8")


def made(raw: bytes, source: Source = SOURCE) -> Conversion:
    """Convert a message at a time that is always the same."""
    return convert(raw, source, RECEIVED, 1)


def resources(conversion: Conversion, kind: str) -> list[dict[str, Any]]:
    """Give the resources of a type, in the order of the transaction."""
    assert conversion.bundle is not None, (conversion.rejected, conversion.held)
    entries = conversion.bundle["entry"]
    found = [each["resource"] for each in entries]
    return [each for each in found if each["resourceType"] == kind]


def element(resource: Any, path: str) -> Any:
    """Give an element, e.g. "name.0.family"; "#" counts a list; None if it is absent."""
    for step in path.split("."):
        if step == "#":
            resource = len(resource)
        elif step.isdecimal():
            resource = resource[int(step)] if resource and int(step) < len(resource) else None
        else:
            resource = resource.get(step) if resource else None
    return resource
