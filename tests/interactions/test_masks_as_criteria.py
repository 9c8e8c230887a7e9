"""Nothing is found, ordered or included by elements that a role does not see.

Spec: https://hl7.org/fhir/R4/search.html, 45 CFR 164.502(b); each row is over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.masked_record import answered, everybody
from tests.secured import Caller, Secured


@pytest.fixture(scope="module")
def callers(secured: Secured) -> Iterator[dict[str, Caller]]:
    with everybody(secured) as found:
        yield found


QUERIES = [
    ("front-desk", "Encounter?reason-code=x", "reasonCode", "plain"),
    ("front-desk", "Encounter?reason-code:missing=true", "reasonCode", "missing"),
    ("front-desk", "Encounter?reason-code:not=x", "reasonCode", "not"),
    ("front-desk", "Encounter?_sort=reason-code", "reasonCode", "sort"),
    ("front-desk", "Encounter?_sort=-_id,-reason-code", "reasonCode", "second-sort"),
    ("front-desk", "Encounter?_filter=reason-code eq x or status eq finished", "reasonCode",
     "filter"),
    ("front-desk", "Encounter?_filter=not(diagnosis pr true)", "diagnosis", "filter-not"),
    ("front-desk", "Encounter?diagnosis=Condition/mask-c", "diagnosis", "reference"),
    ("front-desk", "Encounter?diagnosis:Condition.code=x", "diagnosis", "chain"),
    ("front-desk", "Encounter?reason-reference:identifier=x|y", "reasonReference", "identifier"),
    ("front-desk", "Encounter?part-of.reason-code=x", "reasonCode", "end-of-a-chain"),
    ("front-desk", "Encounter?appointment.reason-code=x", "reasonCode", "another-type"),
    ("front-desk", "Patient?_has:Encounter:subject:reason-code=x", "reasonCode", "has"),
    ("front-desk", "Patient?_has:Encounter:subject:_has:Encounter:part-of:reason-code=x",
     "reasonCode", "has-in-has"),
    ("front-desk", "Encounter?_has:Encounter:reason-reference:status=x", "reasonReference",
     "has-reference"),
    ("front-desk", "Encounter?_include=Encounter:diagnosis", "diagnosis", "include"),
    ("front-desk", "Encounter?_include=Encounter:*", "", "include-all-of-a-type"),
    ("front-desk", "Encounter?_include=*", "", "include-all"),
    ("front-desk", "Patient?_include:iterate=*", "", "include-all-iterated"),
    ("front-desk", "Patient?_revinclude=*", "", "revinclude-all"),
    ("front-desk", "Patient?_revinclude=Appointment:supporting-info", "supportingInformation",
     "revinclude"),
    ("front-desk", "?_type=Encounter,Appointment&reason-code=x", "reasonCode", "several-types"),
    ("front-desk", "Patient/mask-p/Encounter?reason-code=x", "reasonCode", "compartment"),
    ("front-desk", "Encounter?_text=x", "text", "text"),
    ("front-desk", "Encounter?_contained=true", "", "contained"),
    ("front-desk", "EpisodeOfCare?condition=Condition/1", "diagnosis", "another-name"),
    ("billing", "Patient?language=x", "communication", "inner-element"),
    ("billing", "Condition?evidence-detail.code=x", "evidence", "inner-reference"),
    ("billing", "Condition?stage=x&_summary=count", "stage", "count"),
    ("researcher", "Observation?identifier=x", "identifier", "identifier"),
    ("researcher", "Condition?identifier=x&_total=accurate&_count=0", "identifier", "total"),
    ("researcher", "Observation?specimen.accession=x", "accessionIdentifier", "other-identifier"),
    ("narrowed", "Encounter?_id=mask-e", "reason-code", "scope"),
    ("narrowed", "Encounter/mask-e", "reason-code", "scope-read"),
]  # fmt: skip


@pytest.mark.parametrize("prefer", ["handling=strict", "handling=lenient"])
@pytest.mark.parametrize(
    ("name", "query", "element"),
    [pytest.param(*each, id=f"SEC-E19/{id_}") for *each, id_ in QUERIES],
)
def test_nothing_is_found_by_what_is_withheld(
    callers: dict[str, Caller], name: str, query: str, element: str, prefer: str
) -> None:
    """SEC-E19: 403, never left out in silence."""
    answer = callers[name].get(quote(query, safe="/?&=:,$*|._-"), prefer=prefer)
    assert answer.status == 403, answer.text
    said = answer.json["issue"][0]["diagnostics"]
    assert element in said
    assert "planted" not in said.removeprefix("Search parameter")


FOUND = [
    ("front-desk", "Encounter?subject=Patient/mask-p&date=ge1922&_sort=-date"),
    ("front-desk", "Encounter?subject.language=planted-Patient-communication."),
    ("front-desk", "Encounter?_id=mask-e&_include=Encounter:subject"),
    ("billing", "Encounter?reason-code=planted-Encounter-reasonCode."),
    ("researcher", "Encounter?reason-code=planted-Encounter-reasonCode."),
    ("physician", "Encounter?identifier=http://mask.test|planted-Encounter-identifier."),
    ("physician", "Encounter?_id=mask-e&_include=*"),
]


@pytest.mark.parametrize(("name", "query"), FOUND)
def test_all_else_is_found(callers: dict[str, Caller], name: str, query: str) -> None:
    answer = answered(callers[name], "GET", quote(query, safe="/?&=:,$*|._-"))
    assert "mask-e" in {each["resource"]["id"] for each in answer.json["entry"]}
