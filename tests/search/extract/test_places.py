"""Expressions of search parameters: every form that R4 uses, on resources that show it."""

from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.search.extract import IndexRows, extract
from fhirserver.search.keys import EXTERNAL_OFFSET


def rows_of(resource: dict[str, Any], code: str) -> list[tuple[Any, ...]]:
    """What a resource's rows hold for one parameter, without its number."""
    rows = extract(resource, definitions=r4(), base_url=None)
    sp = r4().search_parameters(resource["resourceType"])[code].rows_id
    every = (*rows.token, *rows.string, *rows.date, *rows.reference, *rows.quantity)
    return [row[1:] for row in every if row[0] % EXTERNAL_OFFSET == sp]


def is_present(resource: dict[str, Any], code: str) -> bool:
    """Whether a parameter counts as having a value."""
    parameter = r4().search_parameters(resource["resourceType"])[code]
    own = parameter.id if parameter.alias_target else parameter.rows_id
    return own in extract(resource, definitions=r4(), base_url=None).present


def resource(kind: str, **elements: Any) -> dict[str, Any]:
    return {"resourceType": kind, "id": "a", **elements}


TELECOM = [{"system": "phone", "value": "1"}, {"system": "email", "value": "e@x"}]
DEATH = "http://hl7.org/fhir/StructureDefinition/observation-geneticsGene"
IS_SUBJECT = "http://hl7.org/fhir/StructureDefinition/questionnaireresponse-isSubject"


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        pytest.param(
            resource("Patient", telecom=TELECOM), "telecom", [(0, "1"), (0, "e@x")], id="path"
        ),
        pytest.param(
            resource("Patient", telecom=TELECOM), "email", [(0, "e@x")], id="where-equals"
        ),
        pytest.param(
            resource("Observation", valueString="x"), "value-string", [("x", "x")], id="as-type"
        ),
        pytest.param(
            resource("Observation", valueString="x"), "value-date", [], id="as-other-type"
        ),
        pytest.param(
            resource(
                "EpisodeOfCare",
                careManager={"reference": "Practitioner/p"},
            ),
            "care-manager",
            [("Practitioner", "p")],
            id="where-resolve-is",
        ),
        pytest.param(
            resource("EpisodeOfCare", careManager={"reference": "PractitionerRole/p"}),
            "care-manager",
            [],
            id="where-resolve-is-not",
        ),
        pytest.param(
            resource(
                "Observation",
                extension=[
                    {"url": "http://other", "valueCodeableConcept": {"coding": [{"code": "no"}]}},
                    {"url": DEATH, "valueCodeableConcept": {"coding": [{"code": "g"}]}},
                ],
            ),
            "gene-identifier",
            [(0, "g")],
            id="extension",
        ),
        pytest.param(
            resource(
                "QuestionnaireResponse",
                item=[
                    {
                        "extension": [{"url": IS_SUBJECT, "valueBoolean": True}],
                        "answer": [{"valueReference": {"reference": "Patient/p"}}],
                    },
                    {"answer": [{"valueReference": {"reference": "Patient/q"}}]},
                ],
            ),
            "item-subject",
            [("Patient", "p")],
            id="where-hasExtension",
        ),
        pytest.param(
            resource("Questionnaire", item=[{"item": [{"code": [{"code": "in"}]}]}]),
            "code",
            [],
            id="only-the-level-that-is-named",
        ),
        pytest.param(
            resource("Observation", meta={"tag": [{"code": "t"}]}), "_tag", [(0, "t")], id="meta"
        ),
        pytest.param(
            resource("Observation", meta={"profile": ["http://p|1"]}),
            "_profile",
            [(0, "http://p|1"), (0, "http://p")],
            id="meta-profile",
        ),
        pytest.param(
            resource("Patient", contained=[resource("Patient", active=True)]),
            "active",
            [],
            id="contained-resources-are-not-searched",
        ),
        pytest.param(resource("Patient"), "deceased", [(0, "false")], id="computed-absent"),
        pytest.param(
            resource("Patient", deceasedBoolean=False),
            "deceased",
            [(0, "false")],
            id="computed-false",
        ),
        pytest.param(
            resource("Patient", deceasedDateTime="2010"),
            "deceased",
            [(0, "true")],
            id="computed-date",
        ),
        pytest.param(
            resource("Patient", address=[{"city": "Reno", "_line": [{"id": "x"}], "line": [None]}]),
            "address",
            [("reno", "Reno")],
            id="null-in-a-list",
        ),
    ],
)
def test_rows(value: dict[str, Any], code: str, expected: list[tuple[Any, ...]]) -> None:
    assert sorted(rows_of(value, code)) == sorted(expected)


GROUP = {"reference": "Group/g"}


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        pytest.param(resource("Patient", active=False), "active", True, id="false-is-a-value"),
        pytest.param(resource("Patient"), "active", False, id="absent"),
        pytest.param(
            resource("Patient", _birthDate={"extension": [{"url": "u", "valueCode": "x"}]}),
            "birthdate",
            False,
            id="search.html#modifiers/extension-without-value",
        ),
        pytest.param(resource("Observation", subject=GROUP), "subject", True, id="subject"),
        pytest.param(resource("Observation", subject=GROUP), "patient", False, id="other-target"),
        pytest.param(
            resource("Observation", subject={"reference": "Patient/p"}),
            "patient",
            True,
            id="target",
        ),
        pytest.param(
            resource("Observation", code={"text": "t"}), "code", True, id="a-concept-of-text"
        ),
        pytest.param(
            resource("Observation", effectiveTiming={"repeat": {"count": 2}}),
            "date",
            True,
            id="a-timing-without-bounds",
        ),
        pytest.param(
            resource("Procedure", performedString="then"), "date", False, id="no-date-in-the-choice"
        ),
    ],
)
def test_presence(value: dict[str, Any], code: str, expected: bool) -> None:
    """Spec: https://hl7.org/fhir/R4/search.html#missing."""
    assert is_present(value, code) is expected


def extracted(value: dict[str, Any]) -> IndexRows:
    return extract(value, definitions=r4(), base_url="http://here/fhir")


@pytest.mark.parametrize(
    ("value", "patients"),
    [
        pytest.param(
            resource("Patient", link=[{"other": {"reference": "Patient/b"}, "type": "seealso"}]),
            ["a", "b"],
            id="compartmentdefinition-patient.html/own-first",
        ),
        pytest.param(
            resource(
                "Observation",
                performer=[{"reference": "Patient/q"}, {"reference": "Practitioner/x"}],
                subject={"reference": "http://here/fhir/Patient/p"},
            ),
            ["q", "p"],
            id="compartmentdefinition-patient.html/subject-and-performer",
        ),
        pytest.param(
            resource("Observation", focus=[{"reference": "Patient/p"}]),
            [],
            id="compartmentdefinition-patient.html/focus-is-no-member",
        ),
        pytest.param(
            resource("Appointment", participant=[{"actor": {"reference": "Patient/p"}}]),
            ["p"],
            id="compartmentdefinition-patient.html/actor",
        ),
        pytest.param(
            resource("Observation", subject={"reference": "http://there/fhir/Patient/p"}),
            [],
            id="compartmentdefinition-patient.html/external",
        ),
        pytest.param(resource("Organization"), [], id="compartmentdefinition-patient.html/none"),
    ],
)
def test_patients(value: dict[str, Any], patients: list[str]) -> None:
    assert extracted(value).patients == [("Patient", each) for each in patients]


def test_the_main_date_is_the_lower_bound_of_the_type_s_main_parameter() -> None:
    dated = extracted(resource("Observation", effectiveDateTime="1970-01-02"))
    assert dated.main_date == 86_400_000_000
    assert extracted(resource("Observation")).main_date is None


def test_no_row_stands_twice() -> None:
    concept = {
        "coding": [{"code": "a", "display": "x"}, {"code": "a", "display": "x"}],
        "text": "x",
    }
    weight = {"value": 1, "unit": "kg"}
    rows = extracted(
        resource(
            "Observation",
            code=concept,
            component=[{"code": concept, "valueQuantity": weight}] * 2,
            performer=[{"reference": "Patient/p"}] * 2,
        )
    )
    for table in (rows.token, rows.string, rows.reference, rows.quantity, rows.present):
        assert len(table) == len(set(table))
