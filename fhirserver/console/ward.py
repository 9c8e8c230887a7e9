"""The page at `/ward`: the latest vital signs, a card for each patient, on an open server.

It is a view for demonstrations: it loads itself again every other second and shows whoever was
measured last, so it is no page for a server with authentication, where a session has to end when
nobody is there, and clinicians launch apps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from flask import Blueprint, render_template

from fhirserver.console.caller import caller
from fhirserver.interactions import Query, Services
from fhirserver.interactions.search_type import search_type
from fhirserver.model.json import JsonObject, parse_json

_REFRESH_S = 2
_LATEST = (
    ("category", "vital-signs"),
    ("_sort", "-date"),
    ("_count", "400"),
    ("_include", "Observation:patient"),
)
_BY_ECG = "urn:iso:std:iso:11073:10101|147842"
_TREND = (("code", _BY_ECG), ("_sort", "-date"), ("_count", "400"))
"""Heart rates of one kind: those by pulse oximetry make another line."""
_POINTS = 60
_WIDTH, _HEIGHT = 240, 40
_LOWEST, _HIGHEST = 40, 140
"""Of the heart rates that the line shows, per minute."""


class Vital(NamedTuple):
    """A row of a card: LOINC code of the Observation, and of the components it is made of."""

    words: str
    code: str
    components: tuple[str, ...] = ()


VITALS = (
    Vital("Heart rate", "8867-4"),
    Vital("Breathing", "9279-1"),
    Vital("Oxygen saturation", "2708-6"),
    Vital("Blood pressure", "85354-9", ("8480-6", "8462-4")),
    Vital("Temperature", "8310-5"),
)


class Sign(NamedTuple):
    """A value as it is shown, with its unit and the time of day."""

    words: str
    value: str
    unit: str
    time: str


class Bed(NamedTuple):
    """A card: reference and name of a patient, the latest signs, and a line of heart rates."""

    patient: str
    name: str
    signs: tuple[Sign, ...]
    line: str


def make_ward(services: Services) -> Blueprint:
    """Make the blueprint."""
    blueprint = Blueprint("ward", __name__)

    def found(query: tuple[tuple[str, str], ...]) -> list[JsonObject]:
        body = search_type(services, caller(), "Observation", Query(query)).body
        bundle: JsonObject = parse_json(body or b"{}")
        return [entry["resource"] for entry in bundle.get("entry", ())]

    @blueprint.get("/ward")
    def ward() -> str:
        return render_template(
            "ward.html",
            base_url=services.settings.public_url,
            beds=list(beds(found(_LATEST), found(_TREND))),
            refresh_s=_REFRESH_S,
        )

    return blueprint


def beds(latest: Iterable[JsonObject], rates: Iterable[JsonObject]) -> Iterator[Bed]:
    """Make the cards, in the order of patients' names.

    Args:
        latest: Observations, the latest first, and their Patients.
        rates: Observations of heart rates, the latest first.
    """
    latest = list(latest)
    names = {
        f"Patient/{each['id']}": _name(each) for each in latest if each["resourceType"] == "Patient"
    }
    observed = [each for each in latest if each["resourceType"] == "Observation"]
    rated = list(rates)
    for patient, name in sorted(names.items(), key=lambda each: each[1]):
        own = [each for each in observed if _patient(each) == patient]
        line = _line([each for each in rated if _patient(each) == patient])
        yield Bed(patient, name, tuple(_signs(own)), line)


def _signs(own: list[JsonObject]) -> Iterator[Sign]:
    for vital in VITALS:
        found = next((each for each in own if vital.code in _codes(each)), None)
        shown = None if found is None else _shown(found, vital)
        if found is not None and shown is not None:
            time = str(found.get("effectiveDateTime", ""))[11:19]
            yield Sign(vital.words, *shown, time)


def _shown(observation: JsonObject, vital: Vital) -> tuple[str, str] | None:
    parts = [
        part
        for code in vital.components
        for part in observation.get("component", ())
        if code in _codes(part)
    ]
    quantities = [each.get("valueQuantity") for each in parts or [observation]]
    known = [each for each in quantities if each]
    if not known or len(known) < len(vital.components):
        return None
    return " / ".join(str(each["value"]) for each in known), str(known[0].get("unit", ""))


def _line(rates: list[JsonObject]) -> str:
    """Give the points of an SVG polyline, the latest at the right."""
    values = [float(each["valueQuantity"]["value"]) for each in rates if "valueQuantity" in each]
    step = _WIDTH / _POINTS
    scale = _HEIGHT / (_HIGHEST - _LOWEST)
    return " ".join(
        f"{_WIDTH - number * step:.0f},{_HEIGHT - (_bounded(value) - _LOWEST) * scale:.0f}"
        for number, value in enumerate(values[:_POINTS])
    )


def _bounded(rate: float) -> float:
    return min(_HIGHEST, max(_LOWEST, rate))


def _codes(coded: Any) -> set[str]:
    return {each.get("code", "") for each in coded.get("code", {}).get("coding", ())}


def _patient(observation: JsonObject) -> str:
    return str(observation.get("subject", {}).get("reference", ""))


def _name(patient: JsonObject) -> str:
    first: Any = next(iter(patient.get("name", ())), {})
    return " ".join((*first.get("given", ()), first.get("family", ""))).strip() or patient["id"]
