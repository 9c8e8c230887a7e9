"""Scopes in plain words, as people read them before they grant them."""

from __future__ import annotations

import pytest

from fhirserver.access import parse_scopes
from fhirserver.definitions import r4
from fhirserver.smart.plain_words import TYPE_WORDS, scope_words

OBSERVATION = "http://terminology.hl7.org/CodeSystem/observation-category"


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("patient/Observation.rs", "see measurements and test results in this patient’s record"),
        ("patient/Encounter.r", "see visits in this patient’s record"),
        ("user/Task.cu", "add and change tasks in all records that you may see"),
        ("user/*.cruds", "see, add, change and delete everything in all records that you may see"),
        (
            "patient/VisionPrescription.s",
            "see vision prescription entries in this patient’s record",
        ),
        (
            f"patient/Observation.rs?category={OBSERVATION}|laboratory",
            "see measurements and test results in this patient’s record, only laboratory results",
        ),
        (
            "patient/Condition.rs?category=health-concern",
            "see health problems and diagnoses in this patient’s record, only health concerns",
        ),
        (
            "patient/Task.rs?status=draft&code=x",
            "see tasks in this patient’s record, only status draft and code x",
        ),
        ("system/Patient.d", "delete name, address and other personal details in all records"),
    ],
)
def test_a_scope_in_plain_words(scope: str, words: str) -> None:
    """SEC-I3, SEC-S6."""
    (found,) = parse_scopes(scope, r4()).resources
    assert scope_words(found) == words


def test_words_are_of_types_that_there_are() -> None:
    assert set(TYPE_WORDS) <= set(r4().resource_types)
