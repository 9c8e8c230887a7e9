"""What the sample app shows of a record, read with its access token.

Each part is asked for by itself, so that a scope somebody left out costs that part alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fhirserver.console.sample_app_calls import CallError, call

_LATEST = {"_sort": "-date", "_count": "8"}


class Fact(NamedTuple):
    """One line: what, how much, and when."""

    name: str
    value: str
    date: str


@dataclass(slots=True)
class Part:
    """One part of the page.

    Attributes:
        title: of it.
        facts: its lines.
        trouble: why there are none, in the server's words; "" where it answered.
    """

    title: str
    facts: list[Fact] = field(default_factory=list)
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """A patient for the banner, and the parts below it."""

    name: str
    details: str
    parts: tuple[Part, ...]


def read_record(base: str, token: dict[str, Any]) -> Record:
    """Ask for everything that the page shows.

    Args:
        base: FHIR base.
        token: `access_token` and `patient` of a token response.
    """
    patient = str(token.get("patient", ""))
    found = _read(base, token, f"Patient/{patient}")
    parts = (
        _part("Vital signs", base, token, "Observation", {"category": "vital-signs", **_LATEST}),
        _part("Laboratory", base, token, "Observation", {"category": "laboratory", **_LATEST}),
        _part("Conditions", base, token, "Condition", {"_count": "20"}),
    )
    name, details = _banner(found)
    return Record(name, details, parts)


def _read(base: str, token: dict[str, Any], path: str) -> dict[str, Any]:
    try:
        return call(f"{base}/{path}", token=str(token.get("access_token", "")))
    except CallError as error:
        return {"trouble": str(error)}


def _part(title: str, base: str, token: dict[str, Any], type_: str, query: dict[str, str]) -> Part:
    asked = urlencode({"patient": str(token.get("patient", "")), **query})
    bundle = _read(base, token, f"{type_}?{asked}")
    if "trouble" in bundle:
        return Part(title, trouble=bundle["trouble"])
    found = [each["resource"] for each in bundle.get("entry", ())]
    return Part(title, [_FACTS[type_](each) for each in found if each["resourceType"] == type_])


def _banner(patient: dict[str, Any]) -> tuple[str, str]:
    if "trouble" in patient:
        return "A patient", patient["trouble"]
    name = (patient.get("name") or [{}])[0]
    words = " ".join((*name.get("given", ()), name.get("family", "")))
    born = f"born {patient['birthDate']}" if "birthDate" in patient else ""
    return words, ", ".join(filter(None, (born, patient.get("gender"))))


def _observation(resource: dict[str, Any]) -> Fact:
    parts = resource.get("component") or [resource]
    values = " / ".join(filter(None, map(_value, parts)))
    when = str(resource.get("effectiveDateTime", ""))[:10]
    return Fact(_words(resource.get("code", {})), values, when)


def _condition(resource: dict[str, Any]) -> Fact:
    status = _words(resource.get("clinicalStatus", {}))
    since = str(resource.get("onsetDateTime", ""))[:10]
    return Fact(_words(resource.get("code", {})), status, since)


def _value(part: dict[str, Any]) -> str:
    quantity = part.get("valueQuantity")
    if quantity is not None:
        return f"{quantity.get('value', '')} {quantity.get('unit', '')}".strip()
    return _words(part.get("valueCodeableConcept", {})) or str(part.get("valueString", ""))


def _words(concept: dict[str, Any]) -> str:
    coding = (concept.get("coding") or [{}])[0]
    return str(concept.get("text") or coding.get("display") or coding.get("code", ""))


_FACTS: dict[str, Callable[[dict[str, Any]], Fact]] = {
    "Observation": _observation,
    "Condition": _condition,
}
