"""Rows of composite parameters: what stands together, and what does not."""

from decimal import Decimal
from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.search.extract import extract
from fhirserver.search.extract.composite import PAIRS_MAX
from fhirserver.search.keys import system_key

Json = dict[str, Any]
HERE = "http://here/fhir"


def concept(*codes: str) -> Json:
    return {"coding": [{"code": code} for code in codes]}


def pairs(resource: Json, code: str) -> set[tuple[Any, ...]]:
    """Rows of one parameter: system, code, and of the later parts what is there."""
    parameter = r4().search_parameters(resource["resourceType"])[code]
    rows = extract(resource, definitions=r4(), base_url=HERE).composite
    return {
        (row.system, row.code, *(each for each in row[3:] if each is not None))
        for row in rows
        if row.sp == parameter.id
    }


def observed(**elements: Any) -> Json:
    return {"resourceType": "Observation", **elements}


def sequenced(**elements: Any) -> Json:
    return {"resourceType": "MolecularSequence", **elements}


def used(value: Json) -> Json:
    return {"resourceType": "ValueSet", "useContext": [{"code": {"code": "age"}, **value}]}


def related(target: Json) -> Json:
    return {
        "resourceType": "DocumentReference",
        "relatesTo": [{"code": "replaces", "target": target}],
    }


RELATION = str(system_key("http://hl7.org/fhir/document-relationship-type"))
NO_UNIT = ("0", "", "")


@pytest.mark.parametrize(
    ("resource", "code", "expected"),
    [
        pytest.param(
            observed(code=concept("a", "b"), valueCodeableConcept=concept("c", "d")),
            "code-value-concept",
            {(0, first, "0", second) for first in "ab" for second in "cd"},
            id="every-coding-with-every-other",
        ),
        pytest.param(
            observed(
                component=[
                    {"code": concept("a"), "valueCodeableConcept": concept("c")},
                    {"code": concept("b"), "valueCodeableConcept": concept("d")},
                ]
            ),
            "component-code-value-concept",
            {(0, "a", "0", "c"), (0, "b", "0", "d")},
            id="search.html#composite/not-across-components",
        ),
        pytest.param(
            observed(code=concept("a"), component=[{"valueQuantity": {"value": 1}}]),
            "component-code-value-quantity",
            set(),
            id="not-with-the-code-above",
        ),
        pytest.param(
            observed(code=concept("a"), valueDateTime="1970-01-01T00:00:00Z"),
            "code-value-date",
            {(0, "a", "0", "1000000")},
            id="published-as-DateTime",
        ),
        pytest.param(
            observed(code=concept("a"), valueString="Ève"),
            "code-value-string",
            {(0, "a", "eve", "Ève")},
            id="string",
        ),
        pytest.param(
            observed(code=concept("a"), valueCodeableConcept={"text": "Eve"}),
            "code-value-string",
            set(),
            id="value-string-also-takes-a-text-but-the-composite-does-not",
        ),
        pytest.param(
            observed(code=concept("a"), valueQuantity={"value": Decimal("5.40")}),
            "code-value-quantity",
            {(0, "a", *NO_UNIT, "5.4", "5.4")},
            id="equal-numbers-are-equal-texts",
        ),
        pytest.param(
            used({"valueRange": {"low": {"value": 1}, "high": {"value": 9}}}),
            "context-type-quantity",
            {(0, "age", *NO_UNIT, "1", "9")},
            id="range",
        ),
        pytest.param(
            {
                "resourceType": "Group",
                "characteristic": [
                    {"code": concept("gender"), "valueBoolean": True},
                    {"code": concept("age"), "valueQuantity": {"value": 1}},
                ],
            },
            "characteristic-value",
            {(0, "gender", "0", "true")},
            id="any-token",
        ),
        pytest.param(
            related({"reference": "DocumentReference/1"}),
            "relationship",
            {(0, "DocumentReference/1", RELATION, "replaces")},
            id="local-reference",
        ),
        pytest.param(
            related({"reference": f"{HERE}/DocumentReference/1"}),
            "relationship",
            {(0, "DocumentReference/1", RELATION, "replaces")},
            id="our-own-absolute-reference",
        ),
        pytest.param(
            related({"reference": "urn:oid:1.2", "identifier": {"value": "7"}}),
            "relationship",
            {(0, "urn:oid:1.2", RELATION, "replaces")},
            id="external-reference-without-its-identifier",
        ),
        pytest.param(
            sequenced(
                referenceSeq={"chromosome": concept("X"), "windowStart": 2, "windowEnd": 8},
                variant=[{"start": 3, "end": 4}, {"start": 5, "end": 6}, {"start": 7}],
            ),
            "chromosome-variant-coordinate",
            {(0, "X", *NO_UNIT, "3", "3", "4", "4"), (0, "X", *NO_UNIT, "5", "5", "6", "6")},
            id="three-parts-one-from-the-resource",
        ),
        pytest.param(
            sequenced(referenceSeq={"chromosome": concept("X"), "windowStart": 2, "windowEnd": 8}),
            "chromosome-window-coordinate",
            {(0, "X", *NO_UNIT, "2", "2", "8", "8")},
            id="three-parts",
        ),
    ],
)
def test_pairs(resource: Json, code: str, expected: set[tuple[Any, ...]]) -> None:
    assert pairs(resource, code) == expected


@pytest.mark.parametrize(
    ("elements", "present"),
    [
        pytest.param({"code": concept("a"), "valueQuantity": {"value": 1}}, True, id="both"),
        pytest.param({"code": concept("a")}, False, id="one"),
        pytest.param(
            {"code": concept("a"), "component": [{"valueQuantity": {"value": 1}}]},
            False,
            id="elsewhere",
        ),
        pytest.param(
            {"code": {"text": "a"}, "valueQuantity": {"unit": "mg"}}, True, id="without-rows"
        ),
    ],
)
def test_a_composite_is_present_where_all_its_parts_are(elements: Json, present: bool) -> None:
    rows = extract(observed(**elements), definitions=r4(), base_url=None)
    sp = r4().search_parameters("Observation")["code-value-quantity"].id
    assert (sp in rows.present) is present


def test_what_several_composites_answer_has_no_rows_of_its_own() -> None:
    resource = observed(
        code=concept("a"),
        valueQuantity={"value": 1},
        component=[{"code": concept("b"), "valueQuantity": {"value": 2}}],
    )
    combo = r4().search_parameters("Observation")["combo-code-value-quantity"]
    rows = extract(resource, definitions=r4(), base_url=None).composite
    assert {row.sp for row in rows} == set(combo.row_ids)


def test_a_small_resource_writes_no_endless_rows() -> None:
    many = concept(*map(str, range(1000)))
    rows = pairs(observed(code=many, valueCodeableConcept=many), "code-value-concept")
    assert len(rows) == 2000
    few = observed(code=many, valueCodeableConcept=concept("yes"))
    assert len(pairs(few, "code-value-concept")) == 1000
    some = concept(*map(str, range(20)))
    rows = pairs(observed(code=some, valueCodeableConcept=some), "code-value-concept")
    assert len(rows) == PAIRS_MAX


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        pytest.param({"latitude": 48.5, "longitude": -11}, {(0, "", "48.5", "-11")}, id="place"),
        pytest.param({"latitude": 91, "longitude": 0}, set(), id="no-place-on-earth"),
        pytest.param({"latitude": 48.5}, set(), id="no-longitude"),
    ],
)
def test_a_position_is_one_row(position: Json, expected: set[tuple[Any, ...]]) -> None:
    assert pairs({"resourceType": "Location", "position": position}, "near") == expected
