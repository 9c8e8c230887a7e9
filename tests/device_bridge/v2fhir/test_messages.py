"""What messages become, element by element, by the mappings that are shipped. DEV-31."""

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

PATIENT = f"Patient?identifier={HOSPITAL}|P1"

FULL = (
    "EVN|A01|20260504090000+0000",
    PID
    + "|||1 Main St^^Town^ST^99^US^H||^PRN^PH^^^555^1234567|^WPN^PH^^^555^7654321|en|M"
    + "|||||||||2||||20260601120000+0000|Y",
    PV1,
    "NK1|1|Doe^John|SPO^Spouse^HL70063|1 Main St|^PRN^PH^^^555^1||N",
    "NK1|2|Doe^Ann|MTH",
    "AL1|1|DA|P^Penicillin^L|SV|Rash~Fever|20200101",
    "AL1|2|FA|^Peanuts|MI",
    "DG1|1||I21^Infarction^I10||20260504|A",
    segment(
        "IN1",
        f2="PLAN^Plan A",
        f3="INS^^^HOSP",
        f4="Insurer Inc",
        f8="G1",
        f12="20260101",
        f13="20261231",
        f17="SEL",
        f36="POL7",
    ),
)


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


LAB = (
    PID,
    PV1,
    "ORC|RE|R1^LAB|F1^LAB||CM||||20260504060000+0000|||9^Ref^Ann^^^^^^HOSP",
    "OBR|1|R1^LAB|F1^LAB|24323-8^Metabolic panel^LN|R||20260504070000+0000|||||||||||||||"
    "20260504085900+0000||CH|F",
    "NTE|1||haemolytic",
    "OBX|1|NM|2345-7^Glucose^LN||6.10|mmol/L^^UCUM|3.9-5.6|H|||F|||20260504070100+0000||5^Tech^Tom",
    "NTE|1||fasting",
    "OBX|2|SN|2951-2^Sodium^LN||<^120|mmol/L^^UCUM||LL|||P",
    "OBX|3|CWE|600-7^Culture^LN||112283007^E. coli^SCT||||||C",
    "OBX|4|NM|8867-4^Rate^LN||60~72|/min^^UCUM|||||F",
    "OBX|5|SN|5811-5^Titre^LN||^1^:^128||||||F",
    "OBX|6|SN|5769-5^Bacteria^LN||^5^-^10|/[HPF]^^UCUM||||F",
    "OBX|7|TX|8251-1^Comment^LN||line 1~line 2||||||F",
    "OBX|8|DT|11368-8^Onset^LN||20260430||||||F",
    "OBX|9|TM|1-8^Time^LN||0715||||||F",
    "OBX|10|ED|PDF^Report^L||^application^pdf^Base64^JVBERi0x||||||F",
    "OBX|11|NM|1-9^None^LN||||||||X",
    "SPM|1|&&&^S7&LAB||SER^Serum^HL70487|||||||||||||20260504065500+0000|20260504071500+0000",
)


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


def test_oru_what_is_said_twice_is_charted_twice() -> None:
    row = "OBX|1|TX|8251-1^Comment^LN||line||||||F"
    raw = message("ORU^R01", PID, "OBR|1||F1^LAB|1^x^L", row, row)
    found = {each["identifier"][0]["value"] for each in resources(made(raw), "Observation")}
    assert len(found) == 2


OTHERS = {
    "VXU^V04": (
        PID,
        "ORC|RE|7^LAB|8^LAB||||||20260504080000+0000|||4^Ord^Olga^^^^^^HOSP",
        "RXA|0|1|20260504||141^Influenza^CVX|0.5|mL^^UCUM||00^New^NIP001|5^Nurse^Ned^^^^^^HOSP|"
        "^^^Clinic||||L77|20270101|SKB^GSK^MVX|||CP|A",
        "RXR|IM^Intramuscular^HL70162|LA^Left arm^HL70163",
        "OBX|1|CE|64994-7^Eligibility^LN||V01^Not eligible^HL70064||||||F",
        "OBX|2|CE|30963-3^Funding^LN||PHC70^Private^L||||||F",
    ),
    "SIU^S12": (
        "SCH|10^LAB|11^LAB||||ROUTINE^x^HL70276|CHECKUP^x^HL70276|ROUTINE|||||||||||||||||Booked",
        "NTE|1||Bring glasses",
        "NTE|2||No food",
        PID,
        "RGS|1",
        "AIS|1||99^Eye test^L|20260601093000+0200|||45|min^^UCUM||Booked",
        "AIL|1||EYE^3",
        "AIP|1||6^Eye^Iris^^^^^^HOSP|D^Doctor^L",
    ),
    "MDM^T02": (
        PID,
        PV1,
        "TXA|1|DS^Discharge^HL70270|TX|20260504080000+0000||20260504083000+0000|||"
        "6^Eye^Iris^^^^^^HOSP|||D1^LAB|D0^LAB||||AU|R|AV",
        "OBX|1|TX|1^x^L||Dear colleague,||||||F",
        "OBX|2|TX|1^x^L||goodbye.||||||F",
    ),
    "ORM^O01": (
        PID,
        "ORC|NW|R1^LAB|||||||20260504080000+0000|||4^Ord^Olga^^^^^^HOSP",
        "OBR|1|R1^LAB||24323-8^Panel^LN|S",
        "NTE|1||please hurry",
        "DG1|1||E10^Diabetes^I10",
    ),
}


@pytest.mark.parametrize(
    ("kind", "made_of", "path", "expected"),
    [
        pytest.param("VXU^V04", "Immunization", "vaccineCode.coding.0.system", "http://hl7.org/fhir/sid/cvx", id="RXA-5"),
        pytest.param("VXU^V04", "Immunization", "occurrenceDateTime", "2026-05-04", id="RXA-3"),
        pytest.param("VXU^V04", "Immunization", "doseQuantity.code", "mL", id="RXA-7"),
        pytest.param("VXU^V04", "Immunization", "primarySource", True, id="RXA-9"),
        pytest.param("VXU^V04", "Immunization", "performer.0.actor.display", "Ned Nurse", id="RXA-10"),
        pytest.param("VXU^V04", "Immunization", "location.display", "Clinic", id="RXA-11"),
        pytest.param("VXU^V04", "Immunization", "lotNumber", "L77", id="RXA-15"),
        pytest.param("VXU^V04", "Immunization", "expirationDate", "2027-01-01", id="RXA-16"),
        pytest.param("VXU^V04", "Immunization", "manufacturer.display", "GSK", id="RXA-17"),
        pytest.param("VXU^V04", "Immunization", "status", "completed", id="RXA-20"),
        pytest.param("VXU^V04", "Immunization", "route.coding.0.code", "IM", id="RXR-1"),
        pytest.param("VXU^V04", "Immunization", "programEligibility.0.coding.0.code", "V01", id="OBX-64994-7"),
        pytest.param("VXU^V04", "Immunization", "fundingSource.coding.0.code", "PHC70", id="OBX-30963-3"),
        pytest.param("SIU^S12", "Appointment", "status", "booked", id="SCH-25"),
        pytest.param("SIU^S12", "Appointment", "start", "2026-06-01T09:30:00+02:00", id="AIS-4"),
        pytest.param("SIU^S12", "Appointment", "end", "2026-06-01T10:15:00+02:00", id="AIS-7"),
        pytest.param("SIU^S12", "Appointment", "minutesDuration", 45, id="AIS-7-minutes"),
        pytest.param("SIU^S12", "Appointment", "comment", "Bring glasses\nNo food", id="NTE-3"),
        pytest.param("SIU^S12", "Appointment", "serviceType.0.coding.0.code", "99", id="AIS-3"),
        pytest.param("SIU^S12", "Appointment", "participant.0.actor.reference", PATIENT, id="PID"),
        pytest.param("SIU^S12", "Appointment", "participant.1.actor.display", "Iris Eye", id="AIP-3"),
        pytest.param("SIU^S12", "Appointment", "participant.2.actor.display", "EYE, 3", id="AIL-3"),
        pytest.param("MDM^T02", "DocumentReference", "masterIdentifier.value", "D1", id="TXA-12"),
        pytest.param("MDM^T02", "DocumentReference", "docStatus", "final", id="TXA-17"),
        pytest.param("MDM^T02", "DocumentReference", "content.0.attachment.data", "RGVhciBjb2xsZWFndWUsCmdvb2RieWUu", id="OBX-5"),
        pytest.param("MDM^T02", "DocumentReference", "relatesTo.0.code", "appends", id="TXA-13"),
        pytest.param("MDM^T02", "DocumentReference", "securityLabel.0.coding.0.code", "R", id="TXA-18"),
        pytest.param("MDM^T02", "DocumentReference", "context.encounter.0.identifier.value", "V1", id="PV1-19"),
        pytest.param("ORM^O01", "ServiceRequest", "status", "active", id="ORC-1"),
        pytest.param("ORM^O01", "ServiceRequest", "priority", "stat", id="OBR-5"),
        pytest.param("ORM^O01", "ServiceRequest", "requester.display", "Olga Ord", id="ORC-12"),
        pytest.param("ORM^O01", "ServiceRequest", "note.0.text", "please hurry", id="NTE-3-of-the-order"),
        pytest.param("ORM^O01", "ServiceRequest", "reasonCode.0.coding.0.code", "E10", id="DG1-3"),
    ],
)  # fmt: skip
def test_others(kind: str, made_of: str, path: str, expected: Any) -> None:
    (found,) = resources(made(message(kind, *OTHERS[kind])), made_of)
    assert element(found, path) == expected


@pytest.mark.parametrize(
    ("kind", "old", "new", "path", "expected"),
    [
        pytest.param("VXU^V04", "|CP|A", "|CP|D", "status", "entered-in-error", id="RXA-21-D"),
        pytest.param("VXU^V04", "|CP|A", "|RE|A", "status", "not-done", id="RXA-20-refused"),
        pytest.param("SIU^S12", "SIU^S12", "SIU^S15", "status", "cancelled", id="S15-cancels"),
        pytest.param("SIU^S12", "SIU^S12", "SIU^S26", "status", "noshow", id="S26-no-show"),
        pytest.param("MDM^T02", "MDM^T02", "MDM^T11", "status", "entered-in-error", id="T11"),
        pytest.param("MDM^T02", "MDM^T02", "MDM^T10", "relatesTo.0.code", "replaces", id="T10"),
        pytest.param("ORM^O01", "ORC|NW", "ORC|CR", "status", "revoked", id="ORC-1-cancelled"),
    ],
)
def test_events_and_actions(kind: str, old: str, new: str, path: str, expected: str) -> None:
    raw = message(kind, *OTHERS[kind]).replace(old.encode(), new.encode())
    conversion = made(raw)
    assert conversion.bundle is not None
    found = conversion.bundle["entry"][-2]["resource"]
    assert element(found, path) == expected


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(message("ADT^A99", PID), "none of the source's mappings", id="an-event"),
        pytest.param(message("ADT^A01", "EVN|A01"), "PID is missing", id="no-PID"),
        pytest.param(
            message("ADT^A01", PID.replace("19800229", "19800230")),
            "PID-7 is no HL7 time",
            id="day",
        ),
        pytest.param(
            message("ORU^R01", *LAB).replace(b"|6.10|", b"|high|"), "OBX-5 is no number", id="NM"
        ),
        pytest.param(
            message("VXU^V04", PID, "RXA|0|1|20260504"), "RXA-5 is needed", id="no-vaccine"
        ),
        pytest.param(
            message("ORU^R01", *LAB).replace(b"JVBERi0x", b"#"), "OBX-5.5 is not of", id="Base64"
        ),
    ],
)
def test_what_cannot_be_read_is_a_dead_letter_that_says_why(raw: bytes, reason: str) -> None:
    conversion = made(raw)
    assert conversion.bundle is None
    assert reason in (conversion.rejected or "")


@pytest.mark.parametrize("kind", ["ADT^A01", "ORU^R01"])
def test_a_patient_without_a_uri_is_waited_for(kind: str) -> None:
    raw = message(kind, *(LAB if kind == "ORU^R01" else FULL)).replace(b"^^^HOSP^MR", b"^^^ELSE^MR")
    conversion = made(raw)
    assert conversion.held is not None
    assert "no URI for the authority 'ELSE'" in conversion.held
    assert "P1" not in conversion.held
