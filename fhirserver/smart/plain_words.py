"""Scopes and types of resources in plain words, for the people who grant them. Pure.

patient/Observation.rs?category=laboratory
see measurements and test results in this patient’s record, only laboratory results
"""

from __future__ import annotations

import re

from fhirserver.access import ANY_TYPE, Right, Scope
from fhirserver.access.scope_consent import CATEGORIES

TYPE_WORDS = {
    "Account": "accounts and balances",
    "AllergyIntolerance": "allergies",
    "Appointment": "appointments",
    "AuditEvent": "the list of who saw the record",
    "Binary": "files",
    "CarePlan": "care plans",
    "CareTeam": "care teams",
    "Claim": "claims to insurers",
    "ClinicalImpression": "assessments",
    "Communication": "messages",
    "Composition": "clinical documents",
    "Condition": "health problems and diagnoses",
    "Consent": "consents",
    "Coverage": "insurance",
    "Device": "devices and implants",
    "DiagnosticReport": "reports of tests",
    "DocumentReference": "documents",
    "Encounter": "visits",
    "EpisodeOfCare": "episodes of care",
    "ExplanationOfBenefit": "what insurers paid",
    "FamilyMemberHistory": "illnesses in the family",
    "Goal": "health goals",
    "ImagingStudy": "images and scans",
    "Immunization": "vaccinations",
    "Location": "places of care",
    "Media": "photographs and recordings",
    "Medication": "medicines",
    "MedicationAdministration": "medicines that were given",
    "MedicationDispense": "medicines that were handed out",
    "MedicationRequest": "prescriptions",
    "MedicationStatement": "medicines that are taken",
    "Observation": "measurements and test results",
    "Organization": "organizations",
    "Patient": "name, address and other personal details",
    "Person": "personal details",
    "Practitioner": "doctors, nurses and other staff",
    "PractitionerRole": "what staff do, and where",
    "Procedure": "operations and procedures",
    "Provenance": "where entries come from",
    "Questionnaire": "questionnaires",
    "QuestionnaireResponse": "answers to questionnaires",
    "RelatedPerson": "relatives and carers",
    "ServiceRequest": "referrals and orders",
    "Specimen": "samples that were taken",
    "Task": "tasks",
}
"""Types that people meet; any other is called by its own name, in words."""
_VERBS = (
    (Right.READ | Right.SEARCH, "see"),
    (Right.CREATE, "add"),
    (Right.UPDATE, "change"),
    (Right.DELETE, "delete"),
)
_OF_WHOM = {
    "patient": "in this patient’s record",
    "user": "in all records that you may see",
    "system": "in all records",
}


def type_words(type_: str) -> str:
    """Name what a type of resource is about, e.g. "visits"."""
    if type_ == ANY_TYPE:
        return "everything"
    return TYPE_WORDS.get(type_) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type_).lower() + " entries"


def scope_words(scope: Scope) -> str:
    """Say what a scope grants."""
    verbs = [verb for rights, verb in _VERBS if rights & scope.rights]
    narrowed = " and ".join(_condition_words(scope.type, *each) for each in scope.where)
    only = f", only {narrowed}" if narrowed else ""
    return f"{_joined(verbs)} {type_words(scope.type)} {_OF_WHOM[scope.level]}{only}"


def _joined(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _condition_words(type_: str, name: str, value: str) -> str:
    """Name a category that is known, e.g. "laboratory results"; else give name and value."""
    if name == "category":
        for category, words in CATEGORIES.get(type_, {}).items():
            if value in (category, category.rpartition("|")[2]):
                return words[0].lower() + words[1:]
    return f"{name} {value}"
