"""Datatypes of HL7 v2 in FHIR's, one piece at a time. DEV-31."""

from typing import Any

import pytest

from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Segment, Separators
from fhirserver_device_bridge.reading import Coding
from fhirserver_device_bridge.v2fhir.datatypes import Around
from fhirserver_device_bridge.v2fhir.files import mapping_of
from fhirserver_device_bridge.v2fhir.pieces import path_of, pieces
from fhirserver_device_bridge.v2fhir.templates import READERS
from tests.device_bridge.v2fhir.feed import HOSPITAL, SOURCE

OWN = "urn:fhirserver:device-bridge:source:his"
V2 = "http://terminology.hl7.org/CodeSystem/v2-"
MR = {"coding": [{"system": f"{V2}0203", "code": "MR"}]}


def around(table: str | None = None) -> Around:
    mapped = mapping_of(SOURCE, "ADT", "A01")
    assert mapped is not None
    known = mapped.tables[table] if table else None
    systems = {**mapped.systems, **dict(SOURCE.systems)}
    return Around(SOURCE, mapped.tables, systems, table=known)


def read(field: str, reader: str, table: str | None = None, place: str = "ZZZ-1") -> list[Any]:
    segment = Segment(f"ZZZ|{field}", Separators())
    found = pieces(segment, path_of(place))
    seen = around(table)
    values = (READERS[reader].read(piece, seen) for piece in found)
    return [each for each in values if each is not None]


@pytest.mark.parametrize(
    ("field", "reader", "expected"),
    [
        pytest.param(
            "1^^^HOSP^MR~2^^^&1.2.9&ISO~3",
            "CX",
            [
                {"type": MR, "system": HOSPITAL, "value": "1"},
                {"system": "urn:oid:1.2.9", "value": "2"},
                {"system": OWN, "value": "3"},
            ],
            id="CX-authority-of-the-source-then-its-own-then-none",
        ),
        pytest.param("^^^HOSP^MR", "CX", [], id="CX-without-a-number-is-none"),
        pytest.param(
            "1^^^A B^^^20200101^20211231",
            "CX",
            [
                {
                    "system": f"{OWN}:A%20B",
                    "value": "1",
                    "period": {"start": "2020-01-01", "end": "2021-12-31"},
                }
            ],
            id="CX-validity",
        ),
        pytest.param("7^LAB", "EI", [{"system": "urn:lab", "value": "7"}], id="EI-namespace"),
        pytest.param(
            "7^^2.5^ISO", "EI", [{"system": "urn:oid:2.5", "value": "7"}], id="EI-universal-id"
        ),
        pytest.param(
            "van Beethoven&van^Ludwig^A^III^Dr^PhD^L",
            "XPN",
            [
                {
                    "use": "official",
                    "family": "van Beethoven",
                    "given": ["Ludwig", "A"],
                    "prefix": ["Dr"],
                    "suffix": ["III", "PhD"],
                }
            ],
            id="XPN-parts",
        ),
        pytest.param("^^^^^^L", "XPN", [], id="XPN-of-a-type-only-is-none"),
        pytest.param(
            "1000&Hospital Lane^Ste. 1^Ann Arbor^MI^9^USA^H^^Washtenaw",
            "XAD",
            [
                {
                    "use": "home",
                    "line": ["1000 Hospital Lane", "Ste. 1"],
                    "city": "Ann Arbor",
                    "district": "Washtenaw",
                    "state": "MI",
                    "postalCode": "9",
                    "country": "USA",
                }
            ],
            id="XAD-street-in-parts",
        ),
        pytest.param(
            "1 Main St&Main St&1",
            "XAD",
            [{"line": ["1 Main St"]}],
            id="XAD-parts-that-the-whole-has-already",
        ),
        pytest.param(
            "^PRN^PH^^1^555^1234567^9~^NET^Internet^a@b.c~^PRN^CP^^^^55~(1)2^WPN~^^FX",
            "XTN",
            [
                {"system": "phone", "value": "+1 (555) 1234567 x9", "use": "home"},
                {"system": "email", "value": "a@b.c"},
                {"system": "phone", "value": "55", "use": "mobile"},
                {"system": "phone", "value": "(1)2", "use": "work"},
            ],
            id="XTN-numbers-mail-mobile-old-form-none",
        ),
        pytest.param(
            "E10.9^Diabetes^I10^99^Zucker^L^^^Own words",
            "CWE",
            [
                {
                    "coding": [
                        {
                            "system": "http://hl7.org/fhir/sid/icd-10",
                            "code": "E10.9",
                            "display": "Diabetes",
                        },
                        {"system": f"{OWN}:L", "code": "99", "display": "Zucker"},
                    ],
                    "text": "Own words",
                }
            ],
            id="CWE-two-codings-and-the-text",
        ),
        pytest.param("^Words only", "CWE", [{"text": "Words only"}], id="CWE-text-only"),
        pytest.param(
            "A^x^HL70487",
            "CWE",
            [{"coding": [{"system": f"{V2}0487", "code": "A", "display": "x"}]}],
            id="CWE-of-an-HL7-table",
        ),
        pytest.param("20260504", "date", ["2026-05-04"], id="date"),
        pytest.param("202605041530+0200", "date", ["2026-05-04"], id="date-of-a-time"),
        pytest.param("202605041530+0200", "dateTime", ["2026-05-04T15:30:00+02:00"], id="dateTime"),
        pytest.param("202605", "dateTime", ["2026-05"], id="dateTime-at-its-precision"),
        pytest.param("20260504", "instant", [], id="instant-of-a-day-is-none"),
        pytest.param("Y~N~x", "boolean", [True, False], id="boolean"),
        pytest.param("0~2", "positiveInt", [2], id="positiveInt"),
        pytest.param(
            "20260101^20260201",
            "DR",
            [{"start": "2026-01-01", "end": "2026-02-01"}],
            id="DR-is-a-Period",
        ),
        pytest.param("2.50^mL&millilitre", "CQ", ["2.50 mL"], id="CQ-keeps-its-digits"),
        pytest.param('""', "string", [], id="null-is-none"),
        pytest.param(r"a\T\b~c", "string", ["a&b", "c"], id="string-escapes"),
    ],
)
def test_a_field(field: str, reader: str, expected: list[Any]) -> None:
    found = read(field, reader)
    if reader == "CQ":
        found = [f"{each['value']} {each['unit']}" for each in found]
    assert found == expected


@pytest.mark.parametrize(
    ("field", "place", "expected"),
    [
        pytest.param("a^b&c", "ZZZ-1.2", [{"system": f"{OWN}:c", "value": "b"}], id="component"),
        pytest.param(
            "a^7&LAB", "ZZZ-1.2", [{"system": "urn:lab", "value": "7"}], id="its-own-components"
        ),
        pytest.param("a^b&c", "ZZZ-1.2.2", [{"system": OWN, "value": "c"}], id="subcomponent"),
        pytest.param("a", "ZZZ-1.2", [], id="absent"),
    ],
)
def test_a_component_is_read_as_a_field_would_be(
    field: str, place: str, expected: list[Any]
) -> None:
    assert read(field, "EI", place=place) == expected


@pytest.mark.parametrize(
    ("field", "reader", "table", "expected"),
    [
        pytest.param("F", "code", "0001", ["female"], id="0001-gender"),
        pytest.param("A", "code", "0001", ["other"], id="0001-ambiguous"),
        pytest.param("?", "code", "0001", [], id="0001-unknown-is-no-guess"),
        pytest.param(
            "I",
            "Coding",
            "0004",
            [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}],
            id="0004-class",
        ),
        pytest.param("X^y^L", "Coding", "0004", ["L"], id="0004-unknown-as-sent"),
        pytest.param("R", "code", "0085", ["preliminary"], id="0085-entered-not-verified"),
        pytest.param("W", "code", "0085", ["entered-in-error"], id="0085-wrong-patient"),
        pytest.param("A", "code", "0123", ["partial"], id="0123-some-results"),
        pytest.param("DC", "code", "0119", ["revoked"], id="0119-discontinued"),
    ],
)
def test_codes_by_table(field: str, reader: str, table: str, expected: list[Any]) -> None:
    found = read(field, reader, table)
    if expected == ["L"]:
        found = [each["system"].rpartition(":")[2] for each in found]
    assert found == expected


def test_a_code_without_a_row_is_noted() -> None:
    seen = around("0001")
    (piece,) = pieces(Segment("PID||||||||?", Separators()), path_of("PID-8"))
    assert READERS["code"].read(piece, seen) is None
    assert seen.unmapped == [Coding("PID-8", "?")]


@pytest.mark.parametrize("reader", ["date", "dateTime", "instant", "positiveInt", "CQ"])
def test_what_is_not_of_its_type_names_its_place(reader: str) -> None:
    with pytest.raises(MessageError, match="ZZZ-1 is no"):
        read("sometime", reader)
