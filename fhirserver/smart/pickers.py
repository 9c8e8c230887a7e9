"""Choosing the patient and the encounter that an application is to be launched with.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#standalone-apps

What is listed is what the person's own search finds: nothing of it is taken from elsewhere.
"""

from __future__ import annotations

from typing import NamedTuple

from fhirserver.access import AuthContext
from fhirserver.interactions import Query, Services
from fhirserver.interactions.search_type import search_type
from fhirserver.model.json import JsonObject, parse_json

ROWS = 20


class Row(NamedTuple):
    """One line of a picker: logical id, and what it is."""

    id: str
    words: str
    more: str


def find_patients(services: Services, auth: AuthContext, name: str) -> list[Row]:
    """Find patients by the beginning of a name, by name; "" finds all, ROWS at most."""
    named = (("name", name),) if name else ()
    return [
        Row(each["id"], patient_words(each), _born(each))
        for each in _search(services, auth, "Patient", (*named, ("_sort", "family,given")))
    ]


def find_encounters(services: Services, auth: AuthContext, patient: str | None) -> list[Row]:
    """Find the latest encounters of a patient."""
    whose = (("patient", patient),) if patient else ()
    return [
        Row(each["id"], _encounter_words(each), each.get("period", {}).get("start", ""))
        for each in _search(services, auth, "Encounter", (*whose, ("_sort", "-date")))
    ]


def patient_words(patient: JsonObject) -> str:
    """Give the name of a patient as one line."""
    names = patient.get("name") or [{}]
    usual = next((name for name in names if name.get("use") == "official"), names[0])
    parts = (*usual.get("given", ()), usual.get("family", ""))
    return usual.get("text") or " ".join(filter(None, parts)) or "without a name"


def _born(patient: JsonObject) -> str:
    born = patient.get("birthDate")
    return f"born {born}" if born else ""


def _encounter_words(encounter: JsonObject) -> str:
    kinds = [*encounter.get("type", ()), encounter.get("serviceType", {})]
    for kind in kinds:
        words = kind.get("text") or next(
            (code["display"] for code in kind.get("coding", ()) if "display" in code), None
        )
        if words:
            return str(words)
    return str(encounter.get("class", {}).get("display") or "Encounter")


def _search(
    services: Services, auth: AuthContext, type_: str, pairs: tuple[tuple[str, str], ...]
) -> list[JsonObject]:
    query = Query((*pairs, ("_count", str(ROWS))))
    bundle = parse_json(search_type(services, auth, type_, query).body or b"{}")
    return [
        entry["resource"]
        for entry in bundle.get("entry", ())
        if entry.get("search", {}).get("mode", "match") == "match"
    ]
