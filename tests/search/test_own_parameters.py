"""SearchParameter resources: what defines a parameter, what is refused, what has no effect.

Spec: https://hl7.org/fhir/R4/searchparameter.html
"""

from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.search.own_parameters import EXPRESSION_CHARS_MAX, Reading, read_own

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"


def search_parameter(**content: Any) -> dict[str, Any]:
    base = {
        "resourceType": "SearchParameter",
        "url": "http://example.org/SearchParameter/own",
        "name": "Own",
        "status": "active",
        "description": "One of our own.",
        "code": "own",
        "base": ["Patient"],
        "type": "token",
        "expression": "Patient.name.use",
    }
    made = base | content
    return {key: value for key, value in made.items() if value is not None}


def read(**content: Any) -> Reading:
    return read_own(search_parameter(**content), r4())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param({}, {"Patient": "Patient.name.use"}, id="path"),
        pytest.param(
            {"expression": f"Patient.extension.where(url = '{RACE}').extension.value.code"},
            {"Patient": f"Patient.extension.where(url = '{RACE}').extension.value.code"},
            id="extension",
        ),
        pytest.param(
            {"expression": "Patient.name.where(use = 'old').exists()"},
            {"Patient": "Patient.name.where(use = 'old').exists()"},
            id="more-than-a-path",
        ),
        pytest.param(
            {"base": ["Person", "Patient"], "expression": "Patient.name.use | Person.name.use"},
            {"Person": "Person.name.use", "Patient": "Patient.name.use"},
            id="alternatives-by-base",
        ),
        pytest.param(
            {"type": "number", "expression": "(Patient.multipleBirth as integer)"},
            {"Patient": "(Patient.multipleBirth as integer)"},
            id="number-of-a-choice",
        ),
    ],
)
def test_an_active_one_defines_a_parameter_per_base(
    content: dict[str, Any], expected: dict[str, str]
) -> None:
    found = read(**content)
    assert found.issues == ()
    assert {each.base: each.entry["expression"] for each in found.parameters} == expected


def test_resource_stands_for_every_type_that_is_stored() -> None:
    found = read(base=["Resource"], expression="Resource.language")
    assert sorted(each.base for each in found.parameters) == sorted(r4().resource_types)
    assert found.parameters[0].entry["expression"] == f"{found.parameters[0].base}.language"


def test_codes_have_the_system_of_their_binding() -> None:
    (own,) = read().parameters
    assert own.entry["system"] == "http://hl7.org/fhir/name-use"


@pytest.mark.parametrize("status", ["draft", "retired", "unknown"])
def test_others_than_active_ones_define_nothing(status: str) -> None:
    assert read(status=status, expression="((") == Reading()


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param({"expression": None}, "no expression", id="without-expression"),
        pytest.param(
            {"code": "gender", "expression": "Patient.gender"}, "R4 has the same", id="as-R4's"
        ),
        pytest.param(
            {"code": "near", "base": ["Location"], "type": "special",
             "expression": "Location.position"},
            "R4 has the same", id="R4's-special",
        ),
    ],
)  # fmt: skip
def test_what_has_no_effect_is_said(content: dict[str, Any], why: str) -> None:
    found = read(**content)
    assert found.parameters == ()
    (issue,) = found.issues
    assert (issue.severity, why in issue.diagnostics) == ("information", True)


@pytest.mark.parametrize(
    ("content", "element", "why"),
    [
        pytest.param({"expression": "Patient.name.("}, "expression", "no FHIRPath", id="syntax"),
        pytest.param(
            {"expression": "Patient.name.frobnicate()"}, "expression", "evaluated", id="function"
        ),
        pytest.param(
            {"expression": "Patient.nickname"}, "expression", "names no element", id="element"
        ),
        pytest.param(
            {"expression": "Person.name.use"}, "expression", "nothing of Patient", id="other-base"
        ),
        pytest.param(
            {"type": "date"}, "expression", "gives code, which date parameters", id="datatype"
        ),
        pytest.param(
            {"expression": "Patient.birthDate < today()"}, "expression", "today()", id="clock"
        ),
        pytest.param(
            {"expression": "Patient.descendants().count() > 2"},
            "expression", "descendants()", id="costs",
        ),
        pytest.param(
            {"expression": "Patient.name.use" + " " * EXPRESSION_CHARS_MAX},
            "expression", str(EXPRESSION_CHARS_MAX), id="length",
        ),
        pytest.param({"expression": "'x'"}, "expression", "must begin with a type", id="literal"),
        pytest.param(
            {"expression": "%resource.name"}, "expression", "must begin with", id="variable"
        ),
        pytest.param(
            {"expression": "Patient.meta.versionId"}, "expression", "versionId is set", id="stamped"
        ),
        pytest.param({"base": ["Parameters"]}, "base[0]", "no type that is stored", id="base"),
        pytest.param({"type": "special"}, "type", "'special' is not indexed", id="special"),
        pytest.param({"code": "_own"}, "code", "no _ in front", id="code-of-control"),
        pytest.param({"code": "a:b"}, "code", "letters, digits", id="code-with-colon"),
        pytest.param(
            {"code": "gender"}, "code", "R4's own on Patient, with another meaning", id="conflict"
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_indexed_is_refused_at_the_element(
    content: dict[str, Any], element: str, why: str
) -> None:
    found = read(**content)
    assert found.parameters == ()
    (issue,) = found.issues
    assert issue.severity == "error"
    assert issue.expression == (f"SearchParameter.{element}",)
    assert why in issue.diagnostics


USE = "http://hl7.org/fhir/SearchParameter/individual-address-use"
CITY = "http://hl7.org/fhir/SearchParameter/individual-address-city"
BORN = "http://hl7.org/fhir/SearchParameter/individual-birthdate"


def composite(*parts: tuple[str, str], expression: str = "Patient.address") -> Reading:
    component = [{"definition": url, "expression": path} for url, path in parts]
    return read(type="composite", expression=expression, component=component)


def test_a_composite_joins_values_of_one_element() -> None:
    (own,) = composite((f"{USE}|4.0.1", "use"), (CITY, "city")).parameters
    assert own.entry["component"] == [[USE, "use"], [CITY, "city"]]


@pytest.mark.parametrize(
    ("reading", "element", "why"),
    [
        pytest.param(composite((USE, "use")), "component", "has 1 part", id="one"),
        pytest.param(
            composite((USE, "use"), (CITY, "city"), (CITY, "city")), "component", "3", id="three"
        ),
        pytest.param(
            composite((CITY, "city"), (USE, "use")), "component[0].definition",
            "of type string; in this place one of reference, token", id="first-is-no-key",
        ),
        pytest.param(
            composite((USE, "use"), (f"{CITY}x", "city")), "component[1].definition",
            "no parameter that R4 has", id="unknown-part",
        ),
        pytest.param(
            composite((USE, "use"), (CITY, "town")), "component[1].expression",
            "leads from Patient.address to nothing that string", id="no-element",
        ),
        pytest.param(
            composite((USE, "use"), (BORN, "city")), "component[1].expression",
            "nothing that date", id="datatype",
        ),
        pytest.param(
            composite((USE, "use"), (CITY, "city.(")), "component[1].expression",
            "no FHIRPath", id="syntax",
        ),
        pytest.param(
            composite((USE, "use"), (CITY, "city.upper()")), "component[1].expression",
            "more than a path", id="function",
        ),
        pytest.param(
            composite((USE, "use"), (BORN, "%resource.meta.lastUpdated")),
            "component[1].expression", "lastUpdated is set", id="stamped",
        ),
        pytest.param(
            composite((USE, "use"), (CITY, "city"), expression="Patient.address.first()"),
            "component[0].expression", "more than a path", id="element-is-computed",
        ),
        pytest.param(
            composite((USE, "use"), (CITY, "city"), expression="Patient.address | Patient.contact"),
            "expression", "several elements", id="several-elements",
        ),
    ],
)  # fmt: skip
def test_what_a_composite_cannot_join_is_refused_at_the_part(
    reading: Reading, element: str, why: str
) -> None:
    assert reading.parameters == ()
    (issue,) = reading.issues
    assert issue.expression == (f"SearchParameter.{element}",)
    assert why in issue.diagnostics


def test_r4s_own_parameters_are_stored_without_effect() -> None:
    known = [
        parameter
        for name in ("Patient", "Observation", "Encounter", "Location")
        for parameter in r4().search_parameters(name).values()
        if parameter.expression and parameter.url
    ]
    assert known
    known_urls = {(each.base, each.code): each.url for each in known}
    for parameter in known:
        found = read(
            code=parameter.code,
            base=[parameter.base],
            type=parameter.type,
            expression=parameter.expression,
            url=parameter.url,
            component=[
                {"definition": known_urls[parameter.base, part.code], "expression": part.expression}
                for part in parameter.components
            ],
        )
        assert found.parameters == (), parameter
        assert [each.severity for each in found.issues] == ["information"], parameter
