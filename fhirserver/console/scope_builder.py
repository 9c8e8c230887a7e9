"""Scopes put together from ticks: which types, to do what, on whose records. Pure.

ticks   level=patient  see=Observation  add=QuestionnaireResponse  also=openid  more=...
scopes  openid patient/Observation.rs patient/QuestionnaireResponse.c ...
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from fhirserver.smart.plain_words import TYPE_WORDS

LEVELS = {
    "patient": "One patient’s record: the app is for patients, or opened with a patient",
    "user": "All records that its user may see; an administrator has to approve it",
}
ALSO = {
    "openid": "Learn who logged in",
    "fhirUser": "Read the resource of who logged in",
    "launch": "Be launched from the EHR",
    "launch/patient": "Know the patient",
    "launch/encounter": "Know the visit",
    "offline_access": "Go on when the user is not there",
    "online_access": "Go on as long as the user is logged in",
}
USUAL = ("openid", "fhirUser", "launch", "launch/patient")
RIGHTS = {"see": "rs", "write": "cu"}


class TypeRow(NamedTuple):
    """A row of the builder: a resource type, and what it is in plain words."""

    type: str
    words: str


_FIRST = (
    "Patient", "Observation", "Condition", "AllergyIntolerance", "MedicationRequest",
    "Immunization", "Procedure", "Encounter", "DiagnosticReport", "DocumentReference",
)  # fmt: skip
TYPES = tuple(TypeRow(type_, TYPE_WORDS[type_]) for type_ in dict.fromkeys((*_FIRST, *TYPE_WORDS)))
"""What apps want most, then all others."""


class Ticks(NamedTuple):
    """What was ticked.

    Attributes:
        level: a key of LEVELS.
        see: types to read and search; "*" for all.
        write: types to add and change.
        also: keys of ALSO.
        more: further scopes, separated by spaces.
    """

    level: str
    see: Sequence[str]
    write: Sequence[str]
    also: Sequence[str]
    more: str


def build(ticks: Ticks) -> str:
    """Write what was ticked as scopes, each once."""
    level = ticks.level if ticks.level in LEVELS else "patient"
    types = dict.fromkeys((*ticks.see, *ticks.write))
    resources = (f"{level}/{type_}.{_letters(type_, ticks)}" for type_ in types)
    return " ".join(dict.fromkeys((*ticks.also, *resources, *ticks.more.split())))


def _letters(type_: str, ticks: Ticks) -> str:
    sees, writes = type_ in ticks.see, type_ in ticks.write
    return "crus" if sees and writes else RIGHTS["see"] if sees else RIGHTS["write"]
