"""What ADT messages become, element by element. DEV-31."""

from typing import Any

import pytest

from tests.device_bridge.v2fhir.feed import (
    HOSPITAL,
    PID,
    PV1,
    VISITS,
    element,
    made,
    message,
    resources,
    segment,
)
from tests.device_bridge.v2fhir.samples import FULL, PATIENT


def admitted(event: str, *segments: str) -> Any:
    return made(message(f"ADT^{event}", *segments))


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        pytest.param("Patient", "identifier.0.value", "P1", id="PID-3"),
        pytest.param("Patient", "name.0.given", ["Jane", "Q"], id="PID-5"),
        pytest.param("Patient", "birthDate", "1980-02-29", id="PID-7"),
        pytest.param("Patient", "_birthDate", None, id="PID-7-no-time-of-birth"),
        pytest.param("Patient", "gender", "female", id="PID-8"),
        pytest.param("Patient", "address.0.city", "Town", id="PID-11"),
        pytest.param("Patient", "telecom.0.use", "home", id="PID-13-home"),
        pytest.param("Patient", "telecom.1.use", "work", id="PID-14-work"),
        pytest.param("Patient", "communication.0.language.coding.0.code", "en", id="PID-15"),
        pytest.param("Patient", "maritalStatus.coding.0.code", "M", id="PID-16"),
        pytest.param("Patient", "multipleBirthInteger", 2, id="PID-25"),
        pytest.param(
            "Patient", "deceasedDateTime", "2026-06-01T12:00:00+00:00", id="PID-29-before-PID-30"
        ),
        pytest.param("Patient", "deceasedBoolean", None, id="PID-30-not-beside-PID-29"),
        pytest.param("RelatedPerson", "relationship.0.coding.0.code", "SPS", id="NK1-3"),
        pytest.param("RelatedPerson", "relationship.1.coding.0.code", "N", id="NK1-7"),
        pytest.param("RelatedPerson", "name.0.family", "Doe", id="NK1-2"),
        pytest.param("AllergyIntolerance", "category", ["medication"], id="AL1-2"),
        pytest.param("AllergyIntolerance", "reaction.0.severity", "severe", id="AL1-4"),
        pytest.param("AllergyIntolerance", "criticality", None, id="AL1-4-of-a-reaction"),
        pytest.param("AllergyIntolerance", "reaction.0.manifestation.1.text", "Fever", id="AL1-5"),
        pytest.param("Condition", "code.coding.0.code", "I21", id="DG1-3"),
        pytest.param("Condition", "onsetDateTime", "2026-05-04", id="DG1-5"),
        pytest.param("Condition", "verificationStatus", None, id="DG1-21-absent"),
        pytest.param("Coverage", "payor.0.display", "Insurer Inc", id="IN1-4"),
        pytest.param("Coverage", "class.1.value", "G1", id="IN1-8"),
        pytest.param("Coverage", "period.end", "2026-12-31", id="IN1-13"),
        pytest.param("Coverage", "relationship.coding.0.code", "self", id="IN1-17"),
        pytest.param("Coverage", "subscriberId", "POL7", id="IN1-36"),
        pytest.param("Provenance", "entity.1.what.identifier.value", "v2-adt|1", id="mapping"),
        pytest.param("Provenance", "target.#", 8, id="Provenance-of-what-is-written"),
    ],
)
def test_adt(kind: str, path: str, expected: Any) -> None:
    assert element(resources(admitted("A01", *FULL), kind)[0], path) == expected


NULL = '""'


@pytest.mark.parametrize(
    ("fields", "path", "taken"),
    [
        pytest.param({"f13": NULL}, "telecom", True, id="PID-13"),
        pytest.param({"f13": NULL, "f14": "^^^^^555^1"}, "telecom", False, id="PID-14-says-it"),
        pytest.param({"f13": ""}, "telecom", False, id="empty-says-nothing"),
        pytest.param({"f15": NULL}, "communication", True, id="PID-15-inside"),
        pytest.param({"f6": NULL}, "extension", False, id="PID-6-beside-what-the-bridge-adds"),
        pytest.param({"f30": NULL}, "deceased", True, id="PID-30-of-any-type"),
        pytest.param({"f30": NULL, "f29": "2026"}, "deceased", False, id="PID-29-says-it"),
    ],
)
def test_adt_null_takes_an_element_away(fields: dict[str, str], path: str, taken: bool) -> None:
    (patient,) = resources(admitted("A08", segment("PID", f3="P1^^^HOSP^MR", **fields)), "Patient")
    assert (path in patient and patient[path] is None) == taken


def test_adt_a_severity_without_a_reaction_is_a_criticality() -> None:
    second = resources(admitted("A01", *FULL), "AllergyIntolerance")[1]
    assert (second["criticality"], second["code"]) == ("low", {"text": "Peanuts"})
    assert "reaction" not in second


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("identifier.0.system", VISITS, id="PV1-19"),
        pytest.param("class.code", "IMP", id="PV1-2"),
        pytest.param("type.0.coding.0.code", "E", id="PV1-4"),
        pytest.param("serviceType.coding.0.code", "CAR", id="PV1-10"),
        pytest.param("location.0.location.display", "ICU, 2, B1", id="PV1-3"),
        pytest.param("location.0.status", "active", id="PV1-3-is-where-now"),
        pytest.param("location.1.status", "completed", id="PV1-6-is-where-before"),
        pytest.param("participant.0.type.0.coding.0.code", "ATND", id="PV1-7"),
        pytest.param("participant.0.individual.display", "Dr Doctor Who", id="PV1-7-name"),
        pytest.param("participant.#", 1, id="nobody-where-a-field-is-empty"),
        pytest.param("period", {"start": "2026-05-04T08:00:00+00:00"}, id="PV1-44"),
        pytest.param("hospitalization", None, id="nothing-where-nothing-is-said"),
    ],
)
def test_adt_encounter(path: str, expected: Any) -> None:
    (stay,) = resources(admitted("A01", PID, PV1), "Encounter")
    found = element(stay, path)
    assert found == expected


@pytest.mark.parametrize(
    ("event", "ended", "status"),
    [
        pytest.param("A01", "", "in-progress", id="admit"),
        pytest.param("A02", "", "in-progress", id="transfer"),
        pytest.param("A03", "20260505", "finished", id="discharge"),
        pytest.param("A04", "", "planned", id="register"),
        pytest.param("A08", "", "unknown", id="update-says-nothing"),
        pytest.param("A08", "20260505", "finished", id="update-after-discharge"),
        pytest.param("A11", "", "cancelled", id="cancel-admit"),
        pytest.param("A11", "20260505", "cancelled", id="cancel-whatever-PV1-45-says"),
        pytest.param("A13", "", "in-progress", id="cancel-discharge"),
    ],
)
def test_adt_status_of_a_stay(event: str, ended: str, status: str) -> None:
    (stay,) = resources(admitted(event, PID, f"{PV1}|{ended}"), "Encounter")
    assert stay["status"] == status
    assert ("end" in stay["period"]) == bool(ended)


def test_adt_without_a_visit_number_there_is_no_encounter_and_it_is_said() -> None:
    conversion = admitted("A01", PID, "PV1|1|I|ICU^2^B1")
    assert resources(conversion, "Encounter") == []
    assert conversion.omitted == ("no Encounter (encounter): PV1-19 is needed",)


def test_adt_a40_leads_the_old_record_to_the_new_one() -> None:
    conversion = admitted("A40", PID, "MRG|P0^^^HOSP^MR")
    new, old = resources(conversion, "Patient")
    assert (new["active"], old["active"]) == (True, False)
    assert old["identifier"] == [
        {
            "type": {
                "coding": [
                    {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}
                ]
            },
            "system": HOSPITAL,
            "value": "P0",
        }
    ]
    assert conversion.bundle is not None
    full_url = conversion.bundle["entry"][0]["fullUrl"]
    assert old["link"] == [{"other": {"reference": full_url}, "type": "replaced-by"}]
    assert [each["request"]["url"] for each in conversion.bundle["entry"][:2]] == [
        PATIENT,
        f"Patient?identifier={HOSPITAL}|P0",
    ]


def test_adt_one_number_of_two_types_is_two_resources() -> None:
    """A hospital may count visits and doctors in one series."""
    conversion = admitted(
        "A01", PID, PV1.replace("77^Who", "V1^Who").replace("Dr^^^HOSP", "Dr^^^VISIT")
    )
    assert conversion.bundle is not None
    urls = [each.get("fullUrl") for each in conversion.bundle["entry"]]
    assert len(urls) == len(set(urls))
    (stay,) = resources(conversion, "Encounter")
    doctor = next(
        each for each in conversion.bundle["entry"] if each["request"]["url"] == "Practitioner"
    )
    assert stay["participant"][0]["individual"]["reference"] == doctor["fullUrl"]


def test_adt_codes_without_a_row_are_counted() -> None:
    conversion = admitted("A01", PID.replace("|F", "|?"))
    assert [(each.system, each.code) for each in conversion.unmapped] == [("PID-8", "?")]
