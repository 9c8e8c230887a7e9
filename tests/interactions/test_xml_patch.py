"""XML Patch: RFC 5261 on FHIR's XML, and what it leaves alone.

Spec: https://www.rfc-editor.org/rfc/rfc5261
"""

import gzip
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from fhirserver.definitions import r4
from fhirserver.errors import (
    FhirError,
    InvalidRequestError,
    MalformedBodyError,
    TooLargeError,
    UnprocessableError,
)
from fhirserver.interactions.xml_patch import apply_xml_patch, patch_tree
from fhirserver.interactions.xml_patch_document import parse_xml_patch
from fhirserver.model.json import parse_json, write_json
from fhirserver.model.xml_tree import XmlElement, parse_tree

DIV = '<div xmlns="http://www.w3.org/1999/xhtml">'
PATIENT = parse_json(
    rb"""{
    "resourceType": "Patient",
    "name": [
        {"given": ["x", null], "_given": [null, {"id": "g"}], "family": "A"},
        {"family": "B", "use": "official"}
    ],
    "id": "p",
    "extension": [{"url": "http://x", "valueDecimal": 1.00}],
    "text": {
        "status": "generated",
        "div": "<div xmlns='http://www.w3.org/1999/xhtml'><p class='a'>x&nbsp;y</p> <br></br></div>"
    },
    "active": true,
    "contained": [{"resourceType": "Organization", "id": "o", "name": "O"}]
    }"""
)


def patched(*directives: str, root: str = '<diff xmlns:f="http://hl7.org/fhir">') -> Any:
    document = f"{root}{''.join(directives)}</diff>".encode()
    return apply_xml_patch(r4(), PATIENT, parse_xml_patch(document))


@pytest.mark.parametrize(
    ("directive", "key", "expected"),
    [
        pytest.param(
            '<add sel="f:Patient"><f:birthDate value="1920"/></add>', "birthDate", "1920",
            id="4.3.1-at the end, whatever FHIR's order",
        ),
        pytest.param(
            '<add sel="f:Patient/f:name[1]" type="@id">n</add>', "name",
            [{**PATIENT["name"][0], "id": "n"}, PATIENT["name"][1]], id="4.3.2-attribute",
        ),
        pytest.param(
            '<add sel="f:Patient" type="namespace::x">urn:x</add>'
            '<replace sel="f:Patient/namespace::x">urn:y</replace>'
            '<remove sel="f:Patient/namespace::x"/>',
            "active", True, id="4.3.3-a declaration means nothing to FHIR",
        ),
        pytest.param(
            '<add sel="f:Patient/f:name[1]" pos="before">'
            '<f:name><f:text value="n"/></f:name></add>',
            "name", [{"text": "n"}, *PATIENT["name"]], id="4.3.4-before",
        ),
        pytest.param(
            '<add sel="f:Patient/f:name[1]" pos="after"><f:name><f:text value="n"/></f:name></add>',
            "name", [PATIENT["name"][0], {"text": "n"}, PATIENT["name"][1]], id="4.3.4-after",
        ),
        pytest.param(
            '<add sel="f:Patient/f:name[1]" pos="prepend"><f:given value="n"/></add>', "name",
            [{"given": ["n", "x", None], "_given": [None, None, {"id": "g"}], "family": "A"},
             PATIENT["name"][1]],
            id="4.3.4-prepend",
        ),
        pytest.param(
            '<add sel="f:Patient">\n <f:link><f:other><f:display value="a"/></f:other></f:link>\n'
            ' <f:link><f:other><f:display value="b"/></f:other></f:link>\n</add>',
            "link", [{"other": {"display": "a"}}, {"other": {"display": "b"}}],
            id="4.3.5-several, white space between them",
        ),
        pytest.param(
            '<replace sel="f:Patient/f:name[2]">\n<f:name><f:text value="n"/></f:name>\n</replace>',
            "name", [PATIENT["name"][0], {"text": "n"}], id="4.4.1-element",
        ),
        pytest.param(
            '<replace sel="f:Patient/f:active/@value">false</replace>', "active", False,
            id="4.4.2-attribute",
        ),
        pytest.param(
            '<replace sel="f:Patient/f:text/h:div/h:p/text()">z</replace>', "text",
            {"status": "generated", "div": f'{DIV}<p class="a">z</p> <br/></div>'},
            id="4.4.6-text",
        ),
        pytest.param('<remove sel="f:Patient/f:active"/>', "active", None, id="4.5.1-element"),
        pytest.param(
            '<remove sel="f:Patient/f:active" ws="both"/>', "active", None,
            id="4.5.1-white space that FHIR does not keep",
        ),
        pytest.param(
            '<remove sel="f:Patient/f:text/h:div/h:br" ws="before"/>', "text",
            {"status": "generated", "div": f'{DIV}<p class="a">x\xa0y</p></div>'},
            id="4.5.1-white space of a narrative",
        ),
        pytest.param(
            '<remove sel="f:Patient/f:name[1]/f:given[1]/@value"/>'
            '<add sel="f:Patient/f:name[1]/f:given[1]" type="@id">i</add>', "name",
            [{"_given": [{"id": "i"}, {"id": "g"}], "family": "A"}, PATIENT["name"][1]],
            id="4.5.2-attribute",
        ),
        pytest.param(
            "<remove sel=\"f:Patient/f:name[f:use/@value='official']\"/>", "name",
            [PATIENT["name"][0]], id="4.1-a value of FHIR is an attribute",
        ),
        pytest.param(
            "<remove sel=\"/f:Patient/f:extension[@url='http://x']\"/>", "extension", None,
            id="4.1-attribute of the element itself",
        ),
        pytest.param(
            '<remove sel="f:Patient/*[f:family/@value=&quot;B&quot;][1]"/>', "name",
            [PATIENT["name"][0]], id="4.1-any name, two conditions",
        ),
        pytest.param(
            '<replace sel="f:Patient/f:contained/f:Organization/f:name/@value">N</replace>',
            "contained", [{"resourceType": "Organization", "id": "o", "name": "N"}],
            id="a resource inside",
        ),
        pytest.param(
            '<replace sel="f:Patient/f:extension/f:valueDecimal/@value">2.50</replace>',
            "extension", parse_json(b'[{"url": "http://x", "valueDecimal": 2.50}]'),
            id="digits of a decimal",
        ),
    ],
)  # fmt: skip
def test_a_directive_changes_what_it_names(directive: str, key: str, expected: object) -> None:
    before = write_json(PATIENT)
    found = patched(directive)
    assert write_json(found.pop(key, None)) == write_json(expected)
    assert write_json(PATIENT) == before
    kept = {name: value for name, value in PATIENT.items() if name != key}
    assert write_json(found) == write_json(kept), "the rest is as it was, to the letter"


@pytest.mark.parametrize(
    ("root", "path"),
    [
        pytest.param('<diff xmlns:f="http://hl7.org/fhir">', "f:Patient/f:active", id="declared"),
        pytest.param('<x:p xmlns:x="urn:x">', "f:Patient/fhir:active", id="known prefixes"),
        pytest.param('<diff xmlns="http://hl7.org/fhir">', "Patient/active", id="4.2.2-default"),
        pytest.param("<diff>", "Patient/active", id="no namespace at all"),
        pytest.param('<diff xmlns="urn:patch-ops">', "/Patient/active", id="another default"),
        pytest.param('<diff xmlns:q="http://hl7.org/fhir">', "q:*/q:active[1]", id="any"),
    ],
)
def test_names_find_their_namespace(root: str, path: str) -> None:
    name = root[1:].split(" ", maxsplit=1)[0].rstrip(">")
    document = f'{root}<replace sel="{path}/@value">false</replace></{name}>'
    found = apply_xml_patch(r4(), PATIENT, parse_xml_patch(document.encode()))
    assert found["active"] is False


@pytest.mark.parametrize(
    ("directive", "error", "says"),
    [
        pytest.param('<remove sel="f:Patient/f:gender"/>', UnprocessableError, "unlocated-node",
                     id="unlocated-none"),
        pytest.param('<remove sel="f:Patient/f:name"/>', UnprocessableError, "leads to 2 nodes",
                     id="unlocated-several"),
        pytest.param('<remove sel="f:Patient/f:active/@id"/>', UnprocessableError,
                     "unlocated-node", id="unlocated-attribute"),
        pytest.param('<replace sel="f:Patient/f:active/@id">x</replace>', UnprocessableError,
                     "use add", id="replace of an absent attribute"),
        pytest.param('<remove sel="f:Patient/namespace::x"/>', UnprocessableError,
                     "unlocated-node", id="unlocated-declaration"),
        pytest.param('<remove sel="f:Patient/f:name[3]"/>', UnprocessableError, "unlocated-node",
                     id="unlocated-position"),
        pytest.param('<remove sel="f:Patient"/>', UnprocessableError,
                     "invalid-root-element-operation", id="removal of the root"),
        pytest.param('<add sel="f:Patient" pos="after"><f:x/></add>', UnprocessableError,
                     "invalid-root-element-operation", id="beside the root"),
        pytest.param('<add sel="f:Patient/f:active" type="@value">x</add>', UnprocessableError,
                     "use replace", id="an attribute that is there"),
        pytest.param('<add sel="f:Patient/f:text/h:div/h:p/text()"><f:x/></add>',
                     UnprocessableError, "about elements", id="below a text"),
        pytest.param('<add sel="f:Patient/f:active" type="@id"><f:x/></add>', UnprocessableError,
                     "invalid-node-types", id="an element for an attribute"),
        pytest.param('<replace sel="f:Patient/f:active">true</replace>', UnprocessableError,
                     "invalid-node-types", id="a text for an element"),
        pytest.param('<replace sel="f:Patient/f:active"><f:active/><f:active/></replace>',
                     UnprocessableError, "invalid-node-types", id="two for one"),
        pytest.param('<remove sel="f:Patient/f:text/h:div/h:p" ws="before"/>', UnprocessableError,
                     "invalid-whitespace-directive", id="no white space there"),
        pytest.param('<add sel="f:Patient"><f:x value="1"/></add>', UnprocessableError,
                     "no element of Patient", id="no element of FHIR"),
        pytest.param('<replace sel="f:Patient/f:active/@value">maybe</replace>',
                     UnprocessableError, "is no boolean", id="no value of its type"),
        pytest.param('<add sel="f:Patient">text</add>', UnprocessableError, "text stands between",
                     id="text between elements"),
        pytest.param('<replace sel="f:Patient"><f:Nothing/></replace>', UnprocessableError,
                     "no resource type", id="no resource"),
        pytest.param("", InvalidRequestError, "invalid-patch-directive", id="no directive"),
        pytest.param('<move sel="f:Patient"/>', InvalidRequestError, "invalid-patch-directive",
                     id="unknown directive"),
        pytest.param("<remove/>", InvalidRequestError, "sel is missing", id="no sel"),
        pytest.param('<add sel="f:Patient" pos="first"/>', InvalidRequestError,
                     "invalid-attribute-value", id="unknown pos"),
        pytest.param('<remove sel="f:Patient" pos="before"/>', InvalidRequestError,
                     "invalid-attribute-value", id="pos of a remove"),
        pytest.param('<add sel="f:Patient/@id">x</add>', InvalidRequestError,
                     "leads to an element", id="add to an attribute"),
        pytest.param('<add sel="f:Patient" type="f:x"/>', InvalidRequestError, "type is",
                     id="type that is no attribute"),
        pytest.param('<remove sel="z:Patient"/>', InvalidRequestError, "invalid-namespace-prefix",
                     id="undeclared prefix"),
        pytest.param('<remove sel=""/>', InvalidRequestError, "character 1", id="empty selector"),
        pytest.param('<remove sel="//f:name"/>', InvalidRequestError, "character 2", id="depth"),
        pytest.param('<remove sel="f:Patient/ancestor::x"/>', InvalidRequestError, "cannot be read",
                     id="axis"),
        pytest.param("<remove sel=\"id('x')\"/>", InvalidRequestError, "cannot be read", id="id()"),
        pytest.param('<remove sel="f:Patient/f:name[position()=1]"/>', InvalidRequestError,
                     "cannot be read", id="function in a condition"),
        pytest.param('<remove sel="f:Patient|f:x"/>', InvalidRequestError, "cannot be read",
                     id="union"),
        pytest.param("<remove sel=\"document('http://x')/f:a\"/>", InvalidRequestError,
                     "cannot be read", id="document()"),
        pytest.param("<remove", MalformedBodyError, "not XML at line 1", id="broken off"),
        pytest.param("<add sel='f:Patient'>&x;</add>", MalformedBodyError, "undefined entity",
                     id="entity"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(directive: str, error: type[FhirError], says: str) -> None:
    with pytest.raises(error) as caught:
        patched(directive)
    assert says in str(caught.value)
    assert type(caught.value) is error


@pytest.mark.parametrize(
    "document",
    [
        pytest.param('<!DOCTYPE d [<!ENTITY x "y">]><d/>', id="entities"),
        pytest.param('<!DOCTYPE d SYSTEM "file:///etc/passwd"><d/>', id="external"),
    ],
)
def test_document_types_are_refused(document: str) -> None:
    with pytest.raises(MalformedBodyError, match="document type"):
        parse_xml_patch(document.encode())


def deep(levels: int) -> str:
    return "<f:extension>" * levels + "</f:extension>" * levels


@pytest.mark.parametrize(
    "directives",
    [
        pytest.param('<add sel="f:Patient" type="@x">x</add>' * 10_001, id="directives"),
        pytest.param(f'<remove sel="{"f:a/" * 2501}f:a"/>', id="length of a selector"),
        pytest.param(f'<add sel="f:Patient">{deep(199)}</add>', id="depth of the patch"),
        pytest.param(
            f'<add sel="f:Patient">{deep(120)}</add>'
            f'<add sel="f:Patient/f:extension[2]{"/f:extension" * 119}">{deep(120)}</add>',
            id="depth of the result",
        ),
        pytest.param(
            f'<add sel="f:Patient">{"<f:link/>" * 30_000}</add>'
            + '<replace sel="f:Patient/f:active/@value">true</replace>' * 70,
            id="nodes that selectors look at",
        ),
        pytest.param(
            f'<add sel="f:Patient">{"<f:link/>" * 30_000}</add>'
            '<add sel="f:Patient[.=\'x\xa0y \']" type="@x">x</add>'
            + "<replace sel=\"f:Patient[.='x\xa0y '][f:id/@value='p']/@x\">x</replace>"
            * 40,
            id="nodes that conditions look at",
        ),
    ],
)
def test_growth_and_work_beyond_measure_are_refused(directives: str) -> None:
    with pytest.raises(TooLargeError):
        patched(directives)


def test_what_changes_nothing_gives_the_same_bytes(test_data: Path) -> None:
    """Order, digits, extensions and narratives of HL7's examples survive the way through XML."""
    folder = test_data / "r4-examples"
    lines = gzip.decompress((folder / "examples.ndjson.gz").read_bytes()).splitlines()
    small = [parse_json(line) for line in lines if len(line) < 3_000]
    assert len(small) > 100
    for resource in small:
        type_ = resource["resourceType"]
        same = f'<d><replace sel="{type_}/id/@value">{resource["id"]}</replace></d>'
        found = apply_xml_patch(r4(), resource, parse_xml_patch(same.encode()))
        assert write_json(found) == write_json(resource)


def test_hl7_cases(test_data: Path) -> None:
    """The targets are no FHIR, so they are patched as documents; white space means nothing."""
    cases = etree.parse(test_data / "patch" / "xml-patch-tests.xml").getroot().findall("{*}case")
    assert len(cases) > 10
    for case in cases:
        target = parse_tree(etree.tostring(case.find("{*}target")[0]))
        document = etree.tostring(case.find("{*}patch"))
        if case.find("{*}error") is not None:
            with pytest.raises(FhirError):
                patch_tree(target, parse_xml_patch(document))
            continue
        found = plain(patch_tree(target, parse_xml_patch(document)))
        expected = case.find("{*}patched")
        if expected is not None:
            assert found == plain(parse_tree(etree.tostring(expected[0]))), case.get("name")
        else:  # a case without a result adds a declaration, which leaves everything in its place
            assert found == plain(parse_tree(etree.tostring(case.find("{*}target")[0])))
            assert target.declared["pref"] == "urn:ns:xxx"


def plain(element: XmlElement) -> object:
    children = [
        plain(child) if isinstance(child, XmlElement) else child
        for child in element.children
        if not isinstance(child, str) or not child.isspace()
    ]
    return element.namespace, element.name, element.attributes, children
