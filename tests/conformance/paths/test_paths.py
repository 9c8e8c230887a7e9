"""Paths and expressions find the same in JSON and in XML, however scripts write them."""

from __future__ import annotations

import contextlib
import sys
from decimal import Decimal
from typing import Any

import pytest

from fhirserver_conformance.paths import fhirpathpy
from fhirserver_conformance.paths.document import Document
from fhirserver_conformance.paths.fhirpath import FhirPathName, evaluate
from fhirserver_conformance.paths.path import evaluate_path
from fhirserver_conformance.paths.values import PathError, shown_all, text_of

JSON = b"""{"resourceType": "Bundle", "type": "collection", "total": 2, "entry": [
  {"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Patient", "id": "p", "active": true,
    "text": {"status": "generated", "div": "<div xmlns=\\"http://www.w3.org/1999/xhtml\\">x</div>"},
    "contained": [{"resourceType": "Group", "id": "g", "type": "person", "actual": false}],
    "extension": [{"url": "http://u", "valueString": "s"}],
    "name": [{"family": "A", "given": ["B", null, "D"], "_given": [null, {"id": "c"}, null]}],
    "birthDate": "1974-12-25",
    "_birthDate": {"extension": [{"url": "http://t", "valueDateTime": "1974-12-25T14:35:45Z"}]}}},
  {"resource": {"resourceType": "Observation", "id": "o", "status": "final",
    "code": {"text": "c"}, "valueQuantity": {"value": 1.50, "unit": "mg"}}}]}"""
DOCUMENT = Document(JSON)
AS_XML = Document(DOCUMENT.in_format("xml"))
PATIENT = Document(b'{"resourceType":"Patient","id":"p","name":[{"family":"A"}]}')

PATHS = [
    pytest.param("/Bundle/total", ["2"], id="absolute"),
    pytest.param("Bundle/type", ["collection"], id="from-root"),
    pytest.param("Patient/id", ["p"], id="type-inside"),
    pytest.param("fhir:Bundle/fhir:entry[1]/fhir:fullUrl/@value", ["urn:uuid:1"], id="prefixed"),
    pytest.param("f:Bundle/f:entry[2]/f:resource/f:Observation/f:id", ["o"], id="nested"),
    pytest.param("Bundle/entry/resource/Patient/contained/Group/id", ["g"], id="contained"),
    pytest.param("Patient/name/given", ["B", "D"], id="repeats"),
    pytest.param(
        "Patient/birthDate/extension/valueDateTime", ["1974-12-25T14:35:45Z"], id="beside"
    ),
    pytest.param("Patient/birthDate/extension[@url='http://t']/@url", ["http://t"], id="attribute"),
    pytest.param('Patient/extension[@url="http://u"]/valueString', ["s"], id="quoted-literal"),
    pytest.param("count(Bundle/entry)", [2], id="function"),
    pytest.param("Bundle/entry[resource/Observation]/resource/*/id", ["o"], id="predicate"),
    pytest.param("Observation/valueQuantity/value", ["1.50"], id="decimal-digits"),
    pytest.param("//given", ["B", "D"], id="anywhere"),
    pytest.param("Patient/nothing", [], id="nothing"),
    pytest.param("string(/Bundle/type/@value)", ["collection"], id="string"),
    pytest.param("Patient/id | Observation/id", ["p", "o"], id="union"),
    pytest.param("$.entry[0].resource.id", ["p"], id="jsonpath"),
    pytest.param(".entry[1].resource.valueQuantity.value", [Decimal("1.50")], id="jsonpath-dot"),
    pytest.param("entry[0].resource.name[0].given[0]", ["B"], id="jsonpath-bare"),
    pytest.param("Bundle.total", [2], id="jsonpath-type"),
    pytest.param("$..id", ["p", "g", "c", "o"], id="jsonpath-anywhere"),
    pytest.param(
        "entry[0].resource._birthDate.extension[?(@.url == 'http://t')].valueDateTime",
        ["1974-12-25T14:35:45Z"],
        id="jsonpath-filter",
    ),
]


@pytest.mark.parametrize("document", [DOCUMENT, AS_XML], ids=["json", "xml"])
@pytest.mark.parametrize(("path", "found"), PATHS)
def test_a_path_finds_the_same_in_either_format(
    path: str, found: list[Any], document: Document
) -> None:
    values = [value for value in evaluate_path(path, document) if not str(value).startswith("<")]
    assert sorted(map(text_of, values)) == sorted(map(text_of, found))


def test_a_path_to_what_has_parts_gives_its_text() -> None:
    assert evaluate_path("Patient/name", PATIENT) == ['<name><family value="A"/></name>']


EXPRESSIONS = [
    pytest.param("Bundle.total", [2], id="integer"),
    pytest.param("entry.resource.ofType(Patient).name.given", ["B", "D"], id="strings"),
    pytest.param("entry.resource.ofType(Patient).active", [True], id="boolean"),
    pytest.param("entry[1].resource.value.value", [Decimal("1.50")], id="decimal"),
    pytest.param("entry[1].resource.code", [{"text": "c"}], id="object"),
    pytest.param("entry.resource.where(birthDate < @1980).id", ["p"], id="date"),
    pytest.param("@2020-01-01", ["2020-01-01"], id="literal-date"),
    pytest.param("entry.count() = 2", [True], id="condition"),
    pytest.param("entry.link", [], id="nothing"),
]


@pytest.mark.parametrize("engine", ["own", "fhirpathpy"])
@pytest.mark.parametrize("document", [DOCUMENT, AS_XML], ids=["json", "xml"])
@pytest.mark.parametrize(("expression", "found"), EXPRESSIONS)
def test_both_engines_find_the_same_in_either_format(
    expression: str, found: list[Any], document: Document, engine: FhirPathName
) -> None:
    values = evaluate(engine, expression, document)
    assert [value for value in values if value != {"id": "c"}] == found


@pytest.mark.parametrize("engine", ["own", "fhirpathpy"])
@pytest.mark.parametrize("expression", ["(", "id.nosuch()", "1 +", "'a' + 1", ""])
def test_an_expression_that_cannot_be_evaluated_names_itself(
    expression: str, engine: FhirPathName
) -> None:
    with pytest.raises(PathError, match="FHIRPath"):
        evaluate(engine, expression, PATIENT)


@pytest.mark.parametrize("engine", ["own", "fhirpathpy"])
@pytest.mark.parametrize("type", ["7", "null", "[]", "{}"])
def test_a_type_that_is_no_text_upsets_no_engine(type: str, engine: FhirPathName) -> None:
    body = f'{{"resourceType":"Bundle","entry":[{{"resource":{{"resourceType":{type}}}}}]}}'
    for text in (body, f'{{"resourceType":{type}}}'):
        with contextlib.suppress(PathError):
            found = evaluate(
                engine, "Bundle.entry.resource.ofType(Patient).id", Document(text.encode())
            )
            assert found == []


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        pytest.param("own", "more than 0.5 s", id="own"),
        pytest.param("fhirpathpy", "takes more than 1 s", id="fhirpathpy"),
    ],
)
def test_an_expression_that_does_not_end_is_ended(
    engine: Any, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it, the engine is as good as before."""
    monkeypatch.setattr(fhirpathpy, "TIME_LIMIT_S", 1)
    with pytest.raises(PathError, match=message):
        evaluate(engine, f"'{'a' * 60}!'.matches('^(a|aa)+$')", PATIENT)
    assert evaluate(engine, "Patient.exists()", PATIENT) == [True]


def test_an_engine_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fhirpathpy", None)
    with pytest.raises(PathError, match=r"install fhirserver\[fhirpathpy\]"):
        evaluate("fhirpathpy", "id = 'an expression that no other test has'", PATIENT)


def test_xpath_looks_at_json_of_other_versions_and_without_validity() -> None:
    document = Document(
        b'{"resourceType":"Future","nested":{"odd":[1,true,null,{"deeper":"x"}]},'
        b'"_alone":{"id":"i"}}'
    )
    assert evaluate_path("Future/nested/odd", document)[:2] == ["1", "true"]
    assert evaluate_path("Future/nested/odd/deeper", document) == ["x"]
    assert evaluate_path("Future/alone/@id", document) == ["i"]


UNREADABLE = [
    pytest.param(b"{}", "Patient/id", "no resource", id="no-type"),
    pytest.param(b'{"resourceType":"Pa tient"}', "Patient/id", "as XML", id="bad-name"),
    pytest.param(
        b'{"resourceType":"Patient","id":"\\u0000"}', "Patient/id", "as XML", id="bad-text"
    ),
    pytest.param(b"<a>", "Patient/id", "not XML", id="not-well-formed"),
    pytest.param(b"<!DOCTYPE a><a/>", "Patient/id", "document type", id="doctype"),
    pytest.param(b"", "Patient/id", "is empty", id="empty-xpath"),
    pytest.param(b" ", "id", "is empty", id="empty-jsonpath"),
    pytest.param(b"{]", "id", "cannot be read", id="no-json"),
    pytest.param(b'"a string"', "id", "no object", id="string"),
    pytest.param(b'{"resourceType":"A"}', "a/b[", "XPath", id="bad-xpath"),
    pytest.param(b"{}", "$[", "JSONPath", id="bad-jsonpath"),
]


@pytest.mark.parametrize(("body", "path", "message"), UNREADABLE)
def test_what_cannot_be_looked_into_says_why(body: bytes, path: str, message: str) -> None:
    with pytest.raises(PathError, match=message):
        evaluate_path(path, Document(body))


@pytest.mark.parametrize(
    ("values", "text"),
    [
        pytest.param([], "nothing", id="nothing"),
        pytest.param([True, Decimal("1.50"), 3, "a"], "'true', '1.50', '3', 'a'", id="values"),
        pytest.param([{"a": Decimal("1.0")}], "'{\"a\":1.0}'", id="object"),
        pytest.param(list("abcdefg"), "'a', 'b', 'c', 'd', 'e' and 2 more", id="many"),
        pytest.param(["x" * 1000], f"'{'x' * 200}' … (1000 characters)", id="long"),
    ],
)
def test_what_was_found_fits_into_a_message(values: list[Any], text: str) -> None:
    assert shown_all(values) == text
