"""The SQL of common searches, as text: a change of it should be seen, not stumble in.

After a wanted change: FHIRSERVER_WRITE_GOLDEN=1 pytest tests/search/plan, then read the difference.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from fhirserver.definitions import r4
from fhirserver.search.context import SearchContext
from fhirserver.search.count_sql import count_sql
from fhirserver.search.parse import parse
from fhirserver.search.plan import Plan, make_plan
from fhirserver.search.sql import page_query
from tests.search.found.conftest import grants_of

GOLDEN = Path(__file__).parent / "golden"
CONTEXT = SearchContext(r4(), "http://here.example/fhir", 1_760_000_000_000_000)

SHAPES = {
    "type": ("Observation", ""),
    "id": ("Patient", "_id=1"),
    "ids": ("Patient", "_id=1,2&_sort=-_lastUpdated"),
    "last_updated": ("Observation", "_lastUpdated=gt2020&_sort=_lastUpdated"),
    "token": ("Observation", "code=http://loinc.org|8867-4"),
    "token_without_system": ("Observation", "code=8867-4"),
    "tokens": ("Observation", "code=a|1,b|2&status=final"),
    "token_not": ("Observation", "code:not=a|1"),
    "token_text": ("Observation", "code:text=heart"),
    "token_in": (
        "Observation",
        (
            "code:in=http://terminology.hl7.org/ValueSet/v3-NullFlavor"
            "&code:not-in=http://hl7.org/fhir/ValueSet/observation-status"
        ),
    ),
    "token_by_date": ("Observation", "code=a|1&_sort=-date"),
    "token_by_date_ascending": ("Observation", "code=a|1&_sort=date"),
    "patient_token_by_date": ("Observation", "patient=1&code=a|1&_sort=-date"),
    "patient_tokens_dates": (
        "Observation",
        "patient=1&category=a|1&code=a|1,a|2&date=ge2020&date=lt2021&_sort=-date",
    ),
    "patient": ("Observation", "patient=1"),
    "patient_only_link": ("Encounter", "patient=1&date=2020"),
    "patient_of_shared_parameter": ("AllergyIntolerance", "patient=1"),
    "patients": ("Observation", "patient=1,2&_sort=-date"),
    "string": ("Patient", "family=smith&gender=male"),
    "string_contains": ("Patient", "name:contains=smi"),
    "date": ("Patient", "birthdate=ge1990&birthdate=lt2000"),
    "quantity": ("Observation", "value-quantity=gt5|http://unitsofmeasure.org|mg"),
    "composite": ("Observation", "code-value-quantity=a|1$gt5|http://unitsofmeasure.org|mg"),
    "composite_of_patient": ("Observation", "patient=1&code-value-concept=a|1$b|2"),
    "composites_of_several_elements": ("Observation", "combo-code-value-concept=a|1$b|2"),
    "near": ("Location", "near=48|11|10|km"),
    "number": ("RiskAssessment", "probability=0.5"),
    "uri_below": ("ValueSet", "url:below=http://a/b"),
    "reference_text": ("Observation", "patient:text=eve"),
    "reference_below": ("Observation", "encounter:below=1"),
    "missing": ("Patient", "birthdate:missing=true&gender:missing=false"),
    "chain": ("Observation", "subject:Patient.family=smith"),
    "has": ("Patient", "_has:Observation:patient:code=a|1"),
    "sort_date": ("Patient", "_sort=birthdate"),
    "sort_string": ("Patient", "_sort=-family"),
    "sort_several": ("Patient", "family=smith&_sort=gender,-birthdate,_id"),
    "system": (None, "_type=Patient,Observation&_tag=a|1"),
}
CONFINED = {
    "confined": ("Observation", ""),
    "confined_token": ("Observation", "code=a|1"),
    "confined_id": ("Observation", "_id=1"),
    "confined_chain": ("Observation", "has-member.code=a|1"),
}


def plan_of(type_name: str | None, query: str, patients: tuple[str, ...] | None = None) -> Plan:
    types = None if type_name is None else (type_name,)
    parsed = parse(parse_qsl(query, keep_blank_values=True), types, CONTEXT)
    return make_plan(parsed, CONTEXT, grants_of(lambda _type: patients))


def written(plan: Plan) -> str:
    texts = [page_query(phase, None, 21).text for phase in plan.phases]
    assert plan.counted is not None
    texts.append(count_sql(plan.counted, None).text)
    return "\n\n".join(map(_lines, texts)) + "\n"


def _lines(text: str) -> str:
    return re.sub(r" (?=(FROM|WHERE|AND|ORDER BY|UNION ALL|LEFT JOIN|GROUP BY|LIMIT) )", "\n", text)


@pytest.mark.parametrize("name", [*SHAPES, *CONFINED])
def test_golden(name: str) -> None:
    plan = plan_of(*SHAPES[name]) if name in SHAPES else plan_of(*CONFINED[name], ("1",))
    path = GOLDEN / f"{name}.sql"
    if os.environ.get("FHIRSERVER_WRITE_GOLDEN"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(written(plan))
    assert written(plan) == path.read_text()


@pytest.mark.parametrize("name", [*SHAPES, *CONFINED])
def test_values_are_parameters(name: str) -> None:
    plan = plan_of(*SHAPES[name]) if name in SHAPES else plan_of(*CONFINED[name], ("1",))
    for phase in plan.phases:
        page = page_query(phase, None, 21)
        assert page.text.count("%s") == len(page.params)
        assert "smith" not in page.text
        assert "'" not in page.text


def test_searches_of_one_shape_share_one_text() -> None:
    texts = {
        page_query(plan_of("Observation", f"patient={n}&code=a|{n}&date=ge{n}").phases[0], None, n)
        .text
        for n in (2019, 2020, 2021)
    }  # fmt: skip
    assert len(texts) == 1


@pytest.mark.parametrize("query", ["patient=1&code=a|1&_sort=-date", "patient=1", "code=a|1"])
def test_nobody_to_see_means_nothing_to_ask(query: str) -> None:
    assert plan_of("Observation", query, ()).phases == ()
