"""What laboratory results become, element by element. DEV-31."""

from dataclasses import replace
from typing import Any

import pytest

from fhirserver_device_bridge.fhir.observation import SEQUENCE
from tests.device_bridge.v2fhir.feed import PID, SOURCE, element, made, message, resources
from tests.device_bridge.v2fhir.samples import LAB, PATIENT


def charted(path: str, number: int) -> Any:
    return element(resources(made(message("ORU^R01", *LAB)), "Observation")[number], path)


@pytest.mark.parametrize(
    ("number", "path", "expected"),
    [
        pytest.param(0, "valueQuantity.unit", "mmol/L", id="OBX-6-UCUM"),
        pytest.param(0, "interpretation.0.coding.0.code", "H", id="OBX-8"),
        pytest.param(0, "referenceRange.0.high.unit", "mmol/L", id="OBX-7"),
        pytest.param(0, "status", "final", id="OBX-11"),
        pytest.param(0, "effectiveDateTime", "2026-05-04T07:01:00+00:00", id="OBX-14"),
        pytest.param(0, "performer.0.display", "Tom Tech", id="OBX-16"),
        pytest.param(0, "note.0.text", "fasting", id="NTE-of-its-OBX"),
        pytest.param(0, "subject.reference", PATIENT, id="PID-is-found-not-made"),
        pytest.param(0, "encounter.identifier.value", "V1", id="PV1-19"),
        pytest.param(0, "category.0.coding.0.code", "laboratory", id="category"),
        pytest.param(1, "valueQuantity.comparator", "<", id="SN-comparator"),
        pytest.param(1, "status", "preliminary", id="OBX-11-preliminary"),
        pytest.param(1, "effectiveDateTime", "2026-05-04T07:00:00+00:00", id="OBR-7-inherited"),
        pytest.param(1, "note", None, id="NTE-of-another-OBX"),
        pytest.param(2, "valueCodeableConcept.coding.0.code", "112283007", id="CWE"),
        pytest.param(2, "status", "corrected", id="OBX-11-corrected"),
        pytest.param(3, "valueQuantity", None, id="a-value-that-repeats-has-no-one-value"),
        pytest.param(3, "component.#", 2, id="a-value-that-repeats-has-components"),
        pytest.param(4, "valueRatio.denominator.value", 128, id="SN-ratio"),
        pytest.param(5, "valueRange.high.value", 10, id="SN-range"),
        pytest.param(6, "valueString", "line 1\nline 2", id="TX-lines"),
        pytest.param(7, "valueDateTime", "2026-04-30", id="DT"),
        pytest.param(8, "valueTime", "07:15:00", id="TM"),
        pytest.param(9, "code.coding.0.code", "1-9", id="ED-is-no-Observation"),
        pytest.param(9, "status", "cancelled", id="OBX-11-X"),
    ],
)
def test_oru_result(number: int, path: str, expected: Any) -> None:
    assert charted(path, number) == expected


def test_oru_numbers_keep_their_digits() -> None:
    assert str(charted("valueQuantity.value", 0)) == "6.10"
    assert [str(each["valueQuantity"]["value"]) for each in charted("component", 3)] == ["60", "72"]


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        pytest.param("DiagnosticReport", "status", "final", id="OBR-25"),
        pytest.param("DiagnosticReport", "category.0.coding.0.code", "CH", id="OBR-24"),
        pytest.param("DiagnosticReport", "issued", "2026-05-04T08:59:00+00:00", id="OBR-22"),
        pytest.param("DiagnosticReport", "identifier.2.value", "F1", id="OBR-3"),
        pytest.param("DiagnosticReport", "result.#", 10, id="results"),
        pytest.param("DiagnosticReport", "presentedForm.0.data", "JVBERi0x", id="ED"),
        pytest.param(
            "DiagnosticReport", "extension.0.valueAnnotation.text", "haemolytic", id="NTE-of-OBR"
        ),
        pytest.param("ServiceRequest", "identifier.0.value", "R1", id="ORC-2"),
        pytest.param("ServiceRequest", "status", "completed", id="ORC-5"),
        pytest.param("ServiceRequest", "priority", "routine", id="OBR-5"),
        pytest.param("ServiceRequest", "requester.display", "Ann Ref", id="ORC-12"),
        pytest.param("Specimen", "identifier.0.value", "S7", id="SPM-2"),
        pytest.param("Specimen", "type.coding.0.code", "SER", id="SPM-4"),
        pytest.param(
            "Specimen", "collection.collectedDateTime", "2026-05-04T06:55:00+00:00", id="SPM-17"
        ),
    ],
)
def test_oru_around_the_results(kind: str, path: str, expected: Any) -> None:
    (found,) = resources(made(message("ORU^R01", *LAB)), kind)
    assert element(found, path) == expected


def test_oru_resources_refer_to_each_other() -> None:
    conversion = made(message("ORU^R01", *LAB))
    assert conversion.bundle is not None
    urls = {e["resource"]["resourceType"]: e["fullUrl"] for e in conversion.bundle["entry"][:-1]}
    (report,) = resources(conversion, "DiagnosticReport")
    for found in (report, resources(conversion, "Observation")[0]):
        assert found["basedOn"] == [{"reference": urls["ServiceRequest"]}]
    assert resources(conversion, "Observation")[0]["specimen"]["reference"] == urls["Specimen"]
    assert report["result"][-1]["reference"] == urls["Observation"]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        pytest.param(("|6.10|", "|6.20|"), True, id="another-value-is-a-correction"),
        pytest.param(("||6.10|", "|2|6.10|"), False, id="another-OBX-4"),
        pytest.param(("2345-7", "2345-8"), False, id="another-OBX-3"),
        pytest.param(("F1^LAB", "F2^LAB"), False, id="another-filler-number"),
        pytest.param(("P1^^^HOSP", "P2^^^HOSP"), False, id="another-patient"),
        pytest.param(("20260504070100", "20260504070200"), True, id="another-time"),
    ],
)
def test_oru_identity(changed: tuple[str, str], same: bool) -> None:
    raw = message("ORU^R01", *LAB)
    other = raw.replace(changed[0].encode(), changed[1].encode())
    assert other != raw
    first, second = (
        resources(made(each), "Observation")[0]["identifier"][0] for each in (raw, other)
    )
    assert (first == second) is same


def test_oru_of_several_specimens_none_is_chosen_from() -> None:
    conversion = made(message("ORU^R01", *LAB, "SPM|2|&&&^S8&LAB||PLAS^Plasma^HL70487"))
    (report,) = resources(conversion, "DiagnosticReport")
    assert len(report["specimen"]) == 2
    assert all("specimen" not in each for each in resources(conversion, "Observation"))


def test_oru_what_is_said_twice_is_charted_twice() -> None:
    row = "OBX|1|TX|8251-1^Comment^LN||line||||||F"
    raw = message("ORU^R01", PID, "OBR|1||F1^LAB|1^x^L", row, row)
    found = {each["identifier"][0]["value"] for each in resources(made(raw), "Observation")}
    assert len(found) == 2


def test_oru_null_where_a_number_would_be() -> None:
    sent = tuple(row.replace("&&&^S7&LAB", '""') for row in LAB)
    (specimen,) = resources(made(message("ORU^R01", *sent)), "Specimen")
    assert len(specimen["identifier"]) == 1


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        pytest.param("20260504090000+0000", "2026-05-04T09:00:00+00:00", id="before"),
        pytest.param("20360504090000+0000", "2026-05-04T10:00:05.000+00:00", id="after"),
        pytest.param("", "2026-05-04T10:00:05.000+00:00", id="nobody-says"),
    ],
)
def test_oru_nothing_was_sent_after_it_was_received(sent: str, told: str) -> None:
    """DEV-24. A clock that is ahead must not keep later corrections out."""
    raw = message("ORU^R01", *LAB, sent=sent)
    for source in (SOURCE, replace(SOURCE, messages=())):
        raw = raw.replace(b"OBX|1|NM|2345-7^Glucose^LN||", b"OBX|1|NM|2345-7^Glucose^LN|1.1.1.1|")
        found = resources(made(raw, source), "Observation")[0]
        extensions = [each for each in found["extension"] if each["url"] == SEQUENCE]
        assert extensions[0]["extension"][0]["valueDateTime"] == told


@pytest.mark.parametrize(
    ("sent", "same"),
    [
        pytest.param("&&&^S7&LAB", True, id="of-an-authority"),
        pytest.param("&&&^S7", False, id="of-nobody"),
        pytest.param("S7", False, id="of-nobody-placer"),
    ],
)
def test_oru_a_number_without_an_authority_is_its_patient_s_own(sent: str, same: bool) -> None:
    """Else reports of one patient would refer to the specimen of another."""
    rows = tuple(row.replace("&&&^S7&LAB", sent) for row in LAB)
    found = {
        resources(made(message("ORU^R01", *each)), "Specimen")[0]["identifier"][0]["value"]
        for each in (rows, tuple(row.replace("P1^^^HOSP", "P2^^^HOSP") for row in rows))
    }
    assert (len(found) == 1) == same
