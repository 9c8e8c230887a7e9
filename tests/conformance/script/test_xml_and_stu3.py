"""XML scripts become what JSON scripts are, and STU3's and R5's elements become R4's."""

from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.script.discover import read_suite
from fhirserver_conformance.script.model import BrokenScript, Script
from fhirserver_conformance.script.parse import parse_script
from fhirserver_conformance.script.stu3 import to_r4

_ACTION = '<test><action><operation><type><code value="read"/></type></operation></action></test>'


def of_xml(inside: str) -> dict[str, Any]:
    parsed = parse_script(f'<TestScript xmlns="http://hl7.org/fhir">{inside}</TestScript>'.encode())
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        pytest.param('<name value="a &amp; b"/>', {"name": "a & b"}, id="value"),
        pytest.param(
            '<fixture id="f"><autocreate value="true"/></fixture>',
            {"fixture": [{"id": "f", "autocreate": True}]},
            id="id-flag-and-what-repeats",
        ),
        pytest.param(
            '<origin><index value="1"/><profile><code value="c"/></profile></origin>',
            {"origin": [{"index": 1, "profile": {"code": "c"}}]},
            id="origin-of-a-script-repeats-and-its-profile-does-not",
        ),
        pytest.param(
            "<setup><action><operation><origin value='1'/><destination value='2'/></operation>"
            "</action></setup>",
            {"setup": {"action": [{"operation": {"origin": 1, "destination": 2}}]}},
            id="origin-of-an-operation-is-a-number",
        ),
        pytest.param(
            '<metadata><capability><link value="a"/><link value="b"/></capability></metadata>',
            {"metadata": {"capability": [{"link": ["a", "b"]}]}},
            id="primitives-that-repeat",
        ),
        pytest.param(
            '<profile value="http://a.test"/><profile id="p" value="http://b.test"/>',
            {"profile": ["http://a.test", "http://b.test"], "_profile": [None, {"id": "p"}]},
            id="id-beside-a-primitive-that-repeats",
        ),
        pytest.param(
            '<name value="a"><extension url="u"><valueBoolean value="true"/></extension></name>',
            {"name": "a", "_name": {"extension": [{"url": "u", "valueBoolean": True}]}},
            id="extension-beside-a-primitive",
        ),
        pytest.param(
            '<text><div xmlns="http://www.w3.org/1999/xhtml"><p>a</p></div></text>',
            {"text": {"div": '<div xmlns="http://www.w3.org/1999/xhtml"><p>a</p></div>'}},
            id="narrative",
        ),
        pytest.param(
            '<contained><Patient><id value="p"/><name><given value="A &amp; B"/></name></Patient>'
            "</contained>",
            {"contained": [{"resourceType": "Patient", "id": "p", "name": [{"given": ["A & B"]}]}]},
            id="contained-resource",
        ),
        pytest.param(
            "<test><action><operation><destination value='x'/></operation></action></test>",
            {"test": [{"action": [{"operation": {"destination": "x"}}]}]},
            id="what-is-no-number-stays-text",
        ),
    ],
)
def test_xml(inside: str, expected: dict[str, Any]) -> None:
    assert of_xml(inside) == {"resourceType": "TestScript", **expected}


def test_a_contained_resource_that_is_none_is_said(tmp_path: Path) -> None:
    inside = f"<contained><Patient><nam/></Patient></contained>{_ACTION}"
    raw = f'<TestScript xmlns="http://hl7.org/fhir">{inside}</TestScript>'
    (tmp_path / "a.xml").write_text(raw)

    (script,) = read_suite(tmp_path).scripts

    assert isinstance(script, BrokenScript)
    assert script.problem.startswith("TestScript.contained: is no resource of R4")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param(
            {"metadata": {"capability": [{"capabilities": {"reference": "a/b.xml"}}]}},
            {"metadata": {"capability": [{"capabilities": "a/b.xml"}]}},
            id="STU3/capabilities",
        ),
        pytest.param(
            {"origin": [{"profile": {"system": "http://hl7.org/fhir/testscript-profile-types"}}]},
            {
                "origin": [
                    {
                        "profile": {
                            "system": "http://terminology.hl7.org/CodeSystem/testscript-profile-types"
                        }
                    }
                ]
            },
            id="STU3/system",
        ),
        pytest.param(
            {"profile": [{"id": "p", "reference": "http://a.test"}]},
            {"profile": [{"id": "p", "reference": "http://a.test"}]},
            id="R4/profile",
        ),
        pytest.param(
            {"profile": ["http://a.test", "http://b.test"], "_profile": [None, {"id": "p"}]},
            {
                "profile": [
                    {"reference": "http://a.test"},
                    {"id": "p", "reference": "http://b.test"},
                ]
            },
            id="R5/profile",
        ),
        pytest.param(
            {"identifier": [{"value": "a"}, {"value": "b"}]},
            {"identifier": {"value": "a"}},
            id="R5/identifier",
        ),
        pytest.param({"identifier": []}, {}, id="R5/no-identifier"),
    ],
)
def test_other_versions(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert to_r4(given) == expected


def test_an_stu3_script_is_read_like_r4s(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(
        '<TestScript xmlns="http://hl7.org/fhir"><name value="some"/>'
        '<metadata><capability><capabilities><reference value="c.xml"/></capabilities></capability>'
        '</metadata><profile id="p"><reference value="http://a.test"/></profile>'
        '<test><action><operation><type><code value="read"/>'
        '<system value="http://hl7.org/fhir/testscript-operation-codes"/></type>'
        '<accept value="xml"/><encodeRequestUrl value="false"/><targetId value="t"/></operation>'
        "</action></test></TestScript>"
    )

    (script,) = read_suite(tmp_path).scripts

    assert isinstance(script, Script)
    (operation,) = script.tests[0].actions
    assert script.profiles == (("p", "http://a.test"),)
    coding = script.resource["test"][0]["action"][0]["operation"]["type"]
    assert coding["system"] == "http://terminology.hl7.org/CodeSystem/testscript-operation-codes"
    assert (operation.code, operation.encode_request_url) == ("read", False)
