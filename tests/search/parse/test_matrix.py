"""Every modifier on every type of parameter: it works, or it is refused with 400.

Spec: https://hl7.org/fhir/R4/search.html#modifiers and valueset-search-modifier-code.html
"""

import pytest

from fhirserver.definitions import r4
from fhirserver.errors import InvalidSearchError, NotSupportedError
from fhirserver.search.context import SearchContext
from fhirserver.search.parse import parse

CONTEXT = SearchContext(r4(), "http://here.example/fhir", 1_760_000_000_000_000)

TYPES = {
    "composite": ("Observation", "code-value-quantity", "a$1"),
    "date": ("Patient", "birthdate", "2020"),
    "number": ("RiskAssessment", "probability", "1"),
    "quantity": ("Observation", "value-quantity", "1"),
    "reference": ("Encounter", "part-of", "1"),
    "special": ("Location", "near", "1|1"),
    "string": ("Patient", "name", "eve"),
    "token": ("Observation", "code", "a"),
    "uri": ("ValueSet", "url", "http://a"),
}
"""A parameter of each type, and a value that it takes without a modifier."""

FLAVOR = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor|UNK"
FLAVORS = "http://terminology.hl7.org/ValueSet/v3-NullFlavor"

MODIFIERS = {
    "missing": dict.fromkeys(TYPES, "true"),
    "exact": {"string": "eve"},
    "contains": {"string": "eve"},
    "text": {"token": "eve", "reference": "eve"},
    "not": {"token": "a"},
    "in": {"token": FLAVORS},
    "not-in": {"token": FLAVORS},
    "below": {"token": FLAVOR, "reference": "1", "uri": "http://a"},
    "above": {"token": FLAVOR, "reference": "1", "uri": "http://a"},
    "of-type": {"token": "s|c|v"},
    "ofType": {"token": "s|c|v"},
    "identifier": {"reference": "s|v"},
    "Encounter": {"reference": "1"},
    "Patient": {},
    "type": {},
    "iterate": {},
    "code-text": {},
    "text-advanced": {},
    "nonsense": {},
}
"""By modifier: the types that take it, each with a value. A reference to encounters takes no
patient, and what later versions of FHIR add is unknown here."""


@pytest.mark.parametrize("modifier", MODIFIERS)
@pytest.mark.parametrize("kind", TYPES)
def test_a_modifier_works_or_is_refused(kind: str, modifier: str) -> None:
    type_name, code, plain = TYPES[kind]
    pair = (f"{code}:{modifier}", MODIFIERS[modifier].get(kind, plain))
    if kind in MODIFIERS[modifier]:
        (clause,) = parse([pair], (type_name,), CONTEXT).criteria
        assert clause != parse([(code, plain)], (type_name,), CONTEXT).criteria[0]
        return
    with pytest.raises((InvalidSearchError, NotSupportedError)) as refusal:
        parse([pair], (type_name,), CONTEXT)
    assert refusal.value.status == 400
    assert repr(pair[0]) in str(refusal.value)
    assert ":missing" in str(refusal.value) or "points at" in str(refusal.value)


OTHERS = {
    "_id": ("1", {"missing", "not"}),
    "_lastUpdated": ("2020", {"missing"}),
    "_text": ("bone", {"missing"}),
    "_filter": ("status eq final", set()),
    "_list": ("1", set()),
    "_query": ("a", set()),
    "_content": ("a", set()),
    "_sort": ("date", set()),
    "_count": ("1", set()),
    "_total": ("none", set()),
    "_summary": ("true", set()),
    "_elements": ("status", set()),
    "_contained": ("false", set()),
    "_include": ("Observation:subject", {"iterate"}),
    "_revinclude": ("Provenance:target", {"iterate"}),
}
"""What is not of a type alone: a value, and the modifiers that it takes."""
MODIFIERS_BEHIND = {
    "has-member.status": {modifier for modifier, kinds in MODIFIERS.items() if "token" in kinds},
}


@pytest.mark.parametrize("modifier", [each for each in MODIFIERS if each != "missing"])
@pytest.mark.parametrize("code", [*OTHERS, "has-member.status", "_has:Observation:has-member:date"])
def test_modifiers_of_other_parameters(code: str, modifier: str) -> None:
    """Also behind a chain and in `_has`, where a code of status and a date take what they do."""
    value, allowed = OTHERS.get(code, ("2020", MODIFIERS_BEHIND.get(code, set())))
    if code not in OTHERS:
        value = MODIFIERS[modifier].get("token", value)
    pairs = [(f"{code}:{modifier}", value)]
    if modifier in allowed:
        parse(pairs, ("Observation",), CONTEXT)
        return
    with pytest.raises((InvalidSearchError, NotSupportedError)) as refusal:
        parse(pairs, ("Observation",), CONTEXT)
    assert refusal.value.status == 400
    assert code.partition(":")[0] in str(refusal.value)
