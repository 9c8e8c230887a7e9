"""Rows of token, string and uri parameters, one table per section of the specification."""

from typing import Any

import pytest

from fhirserver.search.keys import OF_TYPE_OFFSET, system_key
from tests.search.extract.emitted import SP, Rows, emitted

MRN = {"coding": [{"system": "http://types", "code": "MR"}], "text": "Medical Record"}


@pytest.mark.parametrize(
    ("datatype", "value", "expected"),
    [
        pytest.param(
            "Coding",
            {"system": "http://loinc.org", "code": "8302-2", "display": "Body Height"},
            {
                "token": [(SP, system_key("http://loinc.org"), "8302-2")],
                "string": [(SP, "body height", "Body Height")],
            },
            id="search.html#token/Coding",
        ),
        pytest.param(
            "Coding", {"code": "a"}, {"token": [(SP, 0, "a")]}, id="search.html#token/no-system"
        ),
        pytest.param(
            "Coding",
            {"system": "http://s"},
            {"token": [(SP, system_key("http://s"), "")]},
            id="search.html#token/system-alone",
        ),
        pytest.param(
            "CodeableConcept",
            {"coding": [{"code": "a"}, {"code": "b"}], "text": "Ä"},
            {"token": [(SP, 0, "a"), (SP, 0, "b")], "string": [(SP, "a", "Ä")]},
            id="search.html#token/CodeableConcept",
        ),
        pytest.param(
            "CodeableConcept",
            {"text": "only text"},
            {"string": [(SP, "only text", "only text")]},
            id="search.html#token/text-alone",
        ),
        pytest.param(
            "Identifier",
            {"system": "http://mrn", "value": "12", "type": MRN},
            {
                "token": [
                    (SP, system_key("http://mrn"), "12"),
                    (SP + OF_TYPE_OFFSET, system_key("http://types"), "MR|12"),
                ],
                "string": [(SP, "medical record", "Medical Record")],
            },
            id="search.html#token/Identifier-of-type",
        ),
        pytest.param(
            "Identifier",
            {"type": MRN},
            {"string": [(SP, "medical record", "Medical Record")]},
            id="search.html#token/Identifier-without-value",
        ),
        pytest.param(
            "ContactPoint",
            {"system": "phone", "value": "555-1"},
            {"token": [(SP, 0, "555-1")]},
            id="search.html#token/ContactPoint",
        ),
        pytest.param("ContactPoint", {"system": "phone"}, {}, id="search.html#token/no-value"),
        pytest.param("boolean", True, {"token": [(SP, 0, "true")]}, id="search.html#token/true"),
        pytest.param("boolean", False, {"token": [(SP, 0, "false")]}, id="search.html#token/false"),
        pytest.param("string", "A b", {"token": [(SP, 0, "A b")]}, id="search.html#token/string"),
        pytest.param("uri", "urn:x", {"token": [(SP, 0, "urn:x")]}, id="search.html#token/uri"),
        pytest.param(
            "Extension",
            {"url": "http://e", "valueIdentifier": {"value": "9"}},
            {"token": [(SP, 0, "9")]},
            id="search.html#token/Extension",
        ),
    ],
)
def test_token(datatype: str, value: Any, expected: Rows) -> None:
    assert emitted("token", datatype, value) == expected


def test_a_code_has_the_system_of_its_binding() -> None:
    rows = emitted("token", "code", "male", system="http://gender")
    assert rows == {"token": [(SP, system_key("http://gender"), "male")]}


@pytest.mark.parametrize(
    ("datatype", "value", "expected"),
    [
        pytest.param("string", "Ève", [("eve", "Ève")], id="search.html#string/string"),
        pytest.param("markdown", "*Eve*", [("eve", "*Eve*")], id="search.html#string/markdown"),
        pytest.param(
            "HumanName",
            {
                "use": "official",
                "text": "Dr. Eve Ó Néill",
                "family": "Ó Néill",
                "given": ["Eve", None, "M."],
                "prefix": ["Dr."],
                "suffix": ["PhD"],
                "period": {"start": "2001"},
            },
            [
                ("o neill", "Ó Néill"),
                ("dr eve o neill", "Dr. Eve Ó Néill"),
                ("eve", "Eve"),
                ("m", "M."),
                ("dr", "Dr."),
                ("phd", "PhD"),
            ],
            id="search.html#string/HumanName",
        ),
        pytest.param(
            "Address",
            {
                "use": "home",
                "type": "both",
                "text": "All of it",
                "line": ["1 Main St.", "Apt 2"],
                "city": "Reno",
                "district": "Washoe",
                "state": "NV",
                "postalCode": "89501",
                "country": "US",
            },
            [
                ("all of it", "All of it"),
                ("reno", "Reno"),
                ("washoe", "Washoe"),
                ("nv", "NV"),
                ("89501", "89501"),
                ("us", "US"),
                ("1 main st", "1 Main St."),
                ("apt 2", "Apt 2"),
            ],
            id="search.html#string/Address",
        ),
        pytest.param("string", "a\0b", [("ab", "ab")], id="no-database-text-holds-u0000"),
        pytest.param("Extension", {"url": "u", "valueString": "X"}, [("x", "X")], id="Extension"),
    ],
)
def test_string(datatype: str, value: Any, expected: list[tuple[str, str]]) -> None:
    assert emitted("string", datatype, value) == {"string": [(SP, *pair) for pair in expected]}


def test_a_string_of_100_kb_is_indexed_whole() -> None:
    text = "Ä" * 50_000
    assert emitted("string", "string", text) == {"string": [(SP, "a" * 50_000, text)]}


@pytest.mark.parametrize(
    ("datatype", "value", "codes"),
    [
        pytest.param("uri", "http://a", ["http://a"], id="search.html#uri/uri"),
        pytest.param("url", "http://a", ["http://a"], id="search.html#uri/url"),
        pytest.param("canonical", "http://a", ["http://a"], id="search.html#uri/canonical"),
        pytest.param(
            "canonical", "http://a|1", ["http://a|1", "http://a"], id="search.html#uri/version"
        ),
    ],
)
def test_uri(datatype: str, value: Any, codes: list[str]) -> None:
    assert emitted("uri", datatype, value) == {"token": [(SP, 0, code) for code in codes]}
