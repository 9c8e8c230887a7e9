"""Required bindings: the code must be one of the value set's.

Spec: https://hl7.org/fhir/R4/terminologies.html#required

    code              is in the set
    CodeableConcept   one of its codings is; text alone is not enough

R4 binds no Coding as required. Value sets that are not enumerable (media types, UCUM) are not
checked here.
"""

from collections.abc import Callable, Mapping

from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.validation.findings import Findings, Place, Problem, nearest, quoted
from fhirserver.validation.primitives import Checker

Codes = Mapping[str, frozenset[str]]
BindingRule = Callable[[JsonObject, Place, Findings], None]

_LISTED = 12


def bound_code(checker: Checker, value_set: Codes, url: str) -> Checker:
    """Give a checker of codes that must be in the set; `checker` judges the syntax first."""
    codes = frozenset[str]().union(*value_set.values())

    def check(value: JsonValue) -> Problem | None:
        if value.__class__ is str and value in codes:
            return None
        problem = checker(value)
        if problem is not None:
            return problem
        return (
            "code-invalid",
            f"{quoted(value)} is not in the value set {url}; {_offer(value, codes)}.",
        )

    return check


def _offer(code: str, codes: frozenset[str]) -> str:
    if len(codes) <= _LISTED:
        return "allowed are " + ", ".join(sorted(codes))
    meant = nearest(code, codes)
    return f"choose one of its {len(codes)} codes" if meant is None else f"did you mean {meant!r}"


def bound_concept(value_set: Codes, url: str) -> BindingRule:
    """Give the rule for a CodeableConcept."""

    def check(concept: JsonObject, place: Place, findings: Findings) -> None:
        codings = concept.get("coding")
        if codings is None and "text" not in concept:
            return
        if isinstance(codings, list) and any(_is_member(item, value_set) for item in codings):
            return
        findings.add("code-invalid", place, _not_in_set(value_set, url))

    return check


def _is_member(coding: JsonValue, value_set: Codes) -> bool:
    if not isinstance(coding, dict):
        return False
    system, code = coding.get("system"), coding.get("code")
    if not isinstance(system, str) or not isinstance(code, str):
        return False
    return code in value_set.get(system, ())


def _not_in_set(value_set: Codes, url: str) -> str:
    offers = [f"{system}|{code}" for system, codes in value_set.items() for code in sorted(codes)]
    remedy = "choose one of its codes"
    if len(offers) <= _LISTED:
        remedy = "allowed are " + ", ".join(offers)
    return f"A coding from the value set {url} is required; {remedy}."
