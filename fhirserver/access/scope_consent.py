"""Parts of a scope that a person may choose instead of the whole.

Spec: https://hl7.org/fhir/us/core/STU7/scopes.html: categories of Condition and Observation that
servers offer as scopes of their own.
"""

from dataclasses import dataclass

from fhirserver.access.scope import Scope

_CONDITION = "http://terminology.hl7.org/CodeSystem/condition-category"
_OBSERVATION = "http://terminology.hl7.org/CodeSystem/observation-category"
_US_CORE = "http://hl7.org/fhir/us/core/CodeSystem"

CATEGORIES: dict[str, dict[str, str]] = {
    "Condition": {
        f"{_CONDITION}|problem-list-item": "Problems",
        f"{_CONDITION}|encounter-diagnosis": "Diagnoses of visits",
        f"{_US_CORE}/condition-category|health-concern": "Health concerns",
    },
    "Observation": {
        f"{_OBSERVATION}|laboratory": "Laboratory results",
        f"{_OBSERVATION}|vital-signs": "Vital signs",
        f"{_OBSERVATION}|social-history": "Social history",
        f"{_OBSERVATION}|survey": "Answers to surveys",
        f"{_US_CORE}/us-core-category|sdoh": "Social needs",
        f"{_OBSERVATION}|procedure": "Results of procedures",
        f"{_US_CORE}/us-core-observation-category|clinical-test": "Clinical tests",
    },
}
"""Per type: category as system|code, and what it is in plain words."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: the scope it is, and its name for a person."""

    scope: Scope
    name: str


def parts(scope: Scope) -> tuple[Part, ...]:
    """List what may be chosen instead of a scope for all Conditions or Observations.

    Returns:
        None for other types, and for a scope that has a query already.
    """
    if scope.where:
        return ()
    return tuple(
        Part(Scope(scope.level, scope.type, scope.rights, (("category", category),)), name)
        for category, name in CATEGORIES.get(scope.type, {}).items()
    )
