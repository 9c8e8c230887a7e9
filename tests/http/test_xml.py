"""FHIR XML: what goes in comes out, and what is wrong is placed."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from fhirserver.definitions import r4
from fhirserver.errors import MalformedBodyError, TooLargeError, UnprocessableError
from fhirserver.model.json import parse_json
from fhirserver.model.xml import parse_xml, write_xml

FHIR = 'xmlns="http://hl7.org/fhir"'
XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'


def test_every_example_comes_back_as_it_was(test_data: Path) -> None:
    """JSON to XML to JSON is the identity, compact and indented."""
    examples = test_data / "r4-examples" / "examples.ndjson.gz"
    with gzip.open(examples) as lines:
        for number, line in enumerate(lines):
            resource = parse_json(line)
            written = write_xml(resource, r4(), pretty=number % 2 == 0)
            assert parse_xml(written, r4()) == resource, f"{number}: {resource['resourceType']}"


@pytest.mark.parametrize(
    ("resource", "document"),
    [
        pytest.param(
            {"resourceType": "Patient", "id": "p", "active": True},
            f'<Patient {FHIR}><id value="p"/><active value="true"/></Patient>',
            id="xml.html#a-resource-id-is-an-element",
        ),
        pytest.param(
            {"resourceType": "Patient", "birthDate": "1970", "id": "p"},
            f'<Patient {FHIR}><id value="p"/><birthDate value="1970"/></Patient>',
            id="xml.html#order-is-the-specification's",
        ),
        pytest.param(
            {
                "resourceType": "Patient",
                "_birthDate": {"id": "b", "extension": [{"url": "http://x", "valueCode": "y"}]},
            },
            f'<Patient {FHIR}><birthDate id="b"><extension url="http://x">'
            '<valueCode value="y"/></extension></birthDate></Patient>',
            id="json.html#primitive-with-extensions-only",
        ),
        pytest.param(
            {
                "resourceType": "Patient",
                "name": [{"given": ["A", None, "C"], "_given": [None, {"id": "b"}, None]}],
            },
            f'<Patient {FHIR}><name><given value="A"/><given id="b"/><given value="C"/></name>'
            "</Patient>",
            id="json.html#lists-with-nulls",
        ),
        pytest.param(
            {
                "resourceType": "Observation",
                "valueQuantity": {"value": Decimal("1.50"), "unit": '<"&\n'},
            },
            f'<Observation {FHIR}><valueQuantity><value value="1.50"/>'
            '<unit value="&lt;&quot;&amp;&#10;"/></valueQuantity></Observation>',
            id="datatypes.html#decimal-digits-and-escapes",
        ),
        pytest.param(
            {"resourceType": "Patient", "contained": [{"resourceType": "Basic", "id": "b"}]},
            f'<Patient {FHIR}><contained><Basic><id value="b"/></Basic></contained></Patient>',
            id="xml.html#contained",
        ),
        pytest.param(
            {
                "resourceType": "Patient",
                "text": {"status": "empty", "div": f"<div {XHTML}>a<br />&amp; 'b'</div>"},
            },
            f"<Patient {FHIR}><text><status value=\"empty\"/><div {XHTML}>a<br />&amp; 'b'</div>"
            "</text></Patient>",
            id="narrative.html#letter-by-letter",
        ),
    ],
)
def test_one_means_the_other(resource: dict[str, object], document: str) -> None:
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    assert write_xml(resource, r4()).decode() == declaration + document
    assert parse_xml(document.encode(), r4()) == resource


@pytest.mark.parametrize(
    ("document", "words", "expression"),
    [
        pytest.param("<Patient", "line 1, column", (), id="broken-off"),
        pytest.param(f"<Patient {FHIR}>\n<id></x></Patient>", "line 2, column", (), id="mismatch"),
        pytest.param("", "is not XML at line 1", (), id="empty"),
        pytest.param('{"resourceType": "Patient"}', "is not XML at line 1", (), id="json"),
        pytest.param(
            f'<!DOCTYPE x [<!ENTITY e "e">]><Patient {FHIR}><id value="&e;"/></Patient>',
            "document type",
            (),
            id="entity",
        ),
        pytest.param(
            f'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><Patient {FHIR}/>',
            "document type",
            (),
            id="external-dtd",
        ),
        pytest.param(f'<Patient {FHIR}><id value="&e;"/></Patient>', "undefined", (), id="ref"),
        pytest.param("<Patient/>", "namespace", ("Patient",), id="no-namespace"),
        pytest.param(f"<Thing {FHIR}/>", "no resource type", ("Thing",), id="type"),
        pytest.param(
            f'<Patient {FHIR} id="p"/>', "has no attribute 'id'", ("Patient",), id="attribute-id"
        ),
        pytest.param(
            f'<Patient {FHIR}>\n  <colour value="red"/></Patient>',
            "line 2, column 3: 'colour' is no element of Patient",
            ("Patient.colour",),
            id="unknown-element",
        ),
        pytest.param(
            f'<Patient {FHIR}><birthDate value="1970"/><active value="true"/></Patient>',
            "stands too late",
            ("Patient.active",),
            id="order",
        ),
        pytest.param(
            f'<Patient {FHIR}><active value="true"/><active value="true"/></Patient>',
            "may not repeat",
            ("Patient.active[1]",),
            id="repeated",
        ),
        pytest.param(
            f'<Patient {FHIR}><active value="yes"/></Patient>',
            "'yes' is no boolean",
            ("Patient.active",),
            id="boolean",
        ),
        pytest.param(
            f'<Observation {FHIR}><valueQuantity><value value="1,5"/></valueQuantity>'
            "</Observation>",
            "'1,5' is no decimal",
            ("Observation.valueQuantity.value",),
            id="decimal",
        ),
        pytest.param(
            f'<Patient {FHIR}><name/><name><given value="a" lang="de"/></name></Patient>',
            "no attribute 'lang'",
            ("Patient.name[1].given",),
            id="attribute",
        ),
        pytest.param(
            f"<Patient {FHIR}><active>true</active></Patient>",
            "text stands between elements",
            ("Patient.active",),
            id="text",
        ),
        pytest.param(
            f"<Patient {FHIR}><contained><Basic/><Basic/></contained></Patient>",
            "exactly one resource",
            ("Patient.contained",),
            id="two-contained",
        ),
        pytest.param(
            f"<Patient {FHIR}><text><div>x</div></text></Patient>",
            "not in the namespace http://www.w3.org/1999/xhtml",
            ("Patient.text.div",),
            id="narrative-namespace",
        ),
    ],
)
def test_a_fault_is_placed(document: str, words: str, expression: tuple[str, ...]) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        parse_xml(document.encode(), r4())
    assert words in str(caught.value)
    assert caught.value.issues[0].expression == expression


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(b"<Patient xmlns='http://hl7.org/fhir'>\xff</Patient>", id="latin-1"),
        pytest.param(f"<Patient {FHIR}/>".encode("utf-16"), id="utf-16"),
        pytest.param(
            b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE x+AD4-<Patient/>', id="utf-7"
        ),
    ],
)
def test_only_utf_8_is_read(document: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        parse_xml(document, r4())


def test_depth_is_limited() -> None:
    extension = '<extension url="x">' * 3000 + "</extension>" * 3000
    with pytest.raises(TooLargeError):
        parse_xml(f"<Patient {FHIR}>{extension}</Patient>".encode(), r4())


def test_a_narrative_that_leans_on_outer_namespaces_stands_alone_afterwards() -> None:
    document = (
        f'<Patient {FHIR} xmlns:h="http://www.w3.org/1999/xhtml"><text><h:div>1<h:br/>2</h:div>'
        "</text></Patient>"
    )
    text = parse_xml(document.encode(), r4())["text"]["div"]
    assert text == f"<div {XHTML}>1<br />2</div>"


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param("", id="the-end"),
        pytest.param("\n  ", id="blanks"),
        pytest.param("<!-- a comment -->", id="comment"),
    ],
)
@pytest.mark.parametrize(
    "div",
    [
        pytest.param(f"<div {XHTML}/>", id="own-namespace"),
        pytest.param("<h:div/>", id="outer-namespace"),
    ],
)
def test_an_empty_narrative_ends_with_its_one_tag(div: str, rest: str) -> None:
    outer = 'xmlns:h="http://www.w3.org/1999/xhtml"'
    document = f"<Patient {FHIR} {outer}><text>{div}{rest}</text></Patient>"
    text = parse_xml(document.encode(), r4())["text"]["div"]
    assert text in (f"<div {XHTML}/>", f"<div {XHTML} />")


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(f"<div {XHTML}/>text</div>", id="ends-twice"),
        pytest.param("<h:div>x</h:div><name>", id="later-fault"),
    ],
)
def test_a_fault_after_a_narrative_is_placed(broken: str) -> None:
    outer = 'xmlns:h="http://www.w3.org/1999/xhtml"'
    document = f"<Patient {FHIR} {outer}><text>{broken}</text></Patient>"
    with pytest.raises(MalformedBodyError, match="mismatched tag"):
        parse_xml(document.encode(), r4())


@pytest.mark.parametrize(
    ("div", "written"),
    [
        pytest.param("<div>a&nbsp;b</div>", f"<div {XHTML}>a\u00a0b</div>", id="named-entity"),
        pytest.param("<div>a", f"<div {XHTML}>&lt;div&gt;a</div>", id="broken"),
        pytest.param("x</div><evil/>", f"<div {XHTML}>x&lt;/div&gt;&lt;evil/&gt;</div>", id="evil"),
    ],
)
def test_a_narrative_cannot_break_the_document(div: str, written: str) -> None:
    resource = {"resourceType": "Patient", "text": {"status": "generated", "div": div}}
    assert written in write_xml(resource, r4()).decode()


def test_what_xml_cannot_hold_is_replaced() -> None:
    written = write_xml({"resourceType": "Basic", "id": "a\x01\ud800"}, r4()).decode()
    assert '<id value="a\ufffd\ufffd"/>' in written


def test_an_unknown_element_has_no_xml_form() -> None:
    with pytest.raises(UnprocessableError):
        write_xml({"resourceType": "Basic", "colour": 1}, r4())
