"""A message becomes the transaction that charts it."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fhir.resources.R4B import get_fhir_model_class

from fhirserver_device_bridge.source import Source
from tests.device_bridge.messages import (
    CELSIUS,
    HOSPITAL,
    PATIENT,
    PERCENT,
    SATURATION,
    TEMPERATURE,
    WARD,
    converted,
    obx,
    oru,
)

UCUM = "http://unitsofmeasure.org"
MMHG = "266016^MDC_DIM_MMHG^MDC"
ABSENT = "http://terminology.hl7.org/CodeSystem/data-absent-reason"


def resources(raw: bytes, source: Source = WARD) -> Iterator[dict[str, Any]]:
    conversion = converted(raw, source)
    assert conversion.bundle is not None, (conversion.rejected, conversion.held)
    return (entry["resource"] for entry in conversion.bundle["entry"])


def observations(*segments: str, source: Source = WARD, **message: str) -> list[dict[str, Any]]:
    made = resources(oru(*segments, **message), source)
    return [resource for resource in made if resource["resourceType"] == "Observation"]


def only(*segments: str, source: Source = WARD, **message: str) -> dict[str, Any]:
    (made,) = observations(*segments, source=source, **message)
    return made


def codes(concept: dict[str, Any]) -> list[str]:
    return [f"{coding.get('system', '')}|{coding['code']}" for coding in concept["coding"]]


def test_a_number_becomes_a_vital_sign() -> None:
    made = only(obx(SATURATION, value="97.0", unit=PERCENT, f11="R", f7="90-100"))
    assert codes(made["code"]) == [
        "http://loinc.org|2708-6",
        "http://loinc.org|59408-5",
        "urn:iso:std:iso:11073:10101|150456",
    ]
    assert codes(made["category"][0]) == [
        "http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
    ]
    assert made["status"] == "preliminary"
    assert made["subject"] == {"reference": PATIENT}
    assert made["effectiveDateTime"] == "2026-05-04T10:00:00+00:00"
    quantity = made["valueQuantity"]
    assert str(quantity.pop("value")) == "97.0"
    assert quantity == {"unit": "%", "system": UCUM, "code": "%"}
    limits = made["referenceRange"][0]
    assert (limits["low"], limits["high"]["value"]) == (
        {"value": Decimal(90), "unit": "%", "system": UCUM, "code": "%"},
        Decimal(100),
    )
    assert codes(limits["type"]) == [
        "http://hl7.org/fhir/uv/pocd/CodeSystem/reference-range-type|alarm-limits"
    ]


@pytest.mark.parametrize(
    ("unit", "value", "written"),
    [
        pytest.param("264864^MDC_DIM_BEAT_PER_MIN^MDC", "61", "/min", id="MDC"),
        pytest.param("0^MDC_DIM_BEAT_PER_MIN^MDC", "61", "/min", id="reference-id"),
        pytest.param("{beat}/min^x^UCUM", "61", "/min", id="another-name-of-the-same"),
        pytest.param("/h^x^UCUM", "3660", "/h", id="nothing-is-converted"),
    ],
)
def test_units_are_ucum(unit: str, value: str, written: str) -> None:
    quantity = only(obx(value=value, unit=unit))["valueQuantity"]
    assert (quantity["system"], quantity["code"]) == (UCUM, written)
    assert str(quantity["value"]) == value


@pytest.mark.parametrize(
    ("unit", "written"),
    [
        pytest.param("", {}, id="none"),
        pytest.param(
            "999^MDC_DIM_ODD^MDC",
            {"unit": "MDC_DIM_ODD", "system": "urn:iso:std:iso:11073:10101", "code": "999"},
            id="of-MDC",
        ),
        pytest.param(
            "q^furlong^99U",
            {
                "unit": "furlong",
                "system": "urn:fhirserver:device-bridge:source:ward:99U",
                "code": "q",
            },
            id="private",
        ),
        pytest.param("beats per minute", {"unit": "beats per minute"}, id="words"),
    ],
)
def test_unknown_units_are_kept(unit: str, written: dict[str, str]) -> None:
    quantity = only(obx(unit=unit))["valueQuantity"]
    assert {name: part for name, part in quantity.items() if name != "value"} == written


def test_unknown_codes_are_kept_and_counted() -> None:
    raw = oru(obx("108^PAUSES^99MINE"), obx("149539^MDC_NEW^MDC", "1.1.1.2"), obx(place="1.1.1.3"))
    assert [coding.code for coding in converted(raw).unmapped] == ["108", "149539"]
    private = observations(obx("108^PAUSES^99MINE"))[0]
    assert codes(private["code"]) == ["urn:fhirserver:device-bridge:source:ward:99MINE|108"]
    assert "category" not in private


def test_a_code_of_zero_is_known_by_its_name() -> None:
    made = only(obx("0^MDC_PULS_OXIM_PULS_RATE^MDC"))
    assert codes(made["code"])[0] == "http://loinc.org|8867-4"


PRESSURE = (
    obx("150023^MDC_PRESS_BLD_NONINV_MEAN^MDC", "1.1.1.3", "93", unit=MMHG),
    obx("150022^MDC_PRESS_BLD_NONINV_DIA^MDC", "1.1.1.2", "80", unit=MMHG),
    obx("150021^MDC_PRESS_BLD_NONINV_SYS^MDC", "1.1.1.1", "120", unit=MMHG),
)


def test_pressures_of_one_measurement_are_one_observation() -> None:
    made = only(*PRESSURE)
    assert codes(made["code"]) == [
        "http://loinc.org|85354-9",
        "urn:iso:std:iso:11073:10101|150020",
    ]
    parts = [(codes(part["code"])[0], part["valueQuantity"]["value"]) for part in made["component"]]
    assert parts == [
        ("http://loinc.org|8480-6", 120),
        ("http://loinc.org|8462-4", 80),
        ("http://loinc.org|8478-0", 93),
    ]
    assert "valueQuantity" not in made


@pytest.mark.parametrize(
    ("rows", "components"),
    [
        pytest.param((PRESSURE[0], obx()), [0, 0], id="one-pressure-is-no-compound"),
        pytest.param(
            (PRESSURE[2], PRESSURE[1].replace("1.1.1.2", "1.2.1.2")), [0, 0], id="another-channel"
        ),
        pytest.param(
            (PRESSURE[2], PRESSURE[1] + "|||20260504095900+0000"), [0, 0], id="another-time"
        ),
        pytest.param(
            (*PRESSURE, PRESSURE[2].replace("1.1.1.1", "1.1.1.4")), [3, 0], id="a-second-systolic"
        ),
        pytest.param((*PRESSURE, obx(place="1.1.1.5")), [3, 0], id="the-pulse-stands-alone"),
    ],
)
def test_what_is_one_measurement(rows: tuple[str, ...], components: list[int]) -> None:
    assert [len(made.get("component", ())) for made in observations(*rows)] == components


def test_a_compound_is_as_good_as_its_worst_part() -> None:
    diastolic = obx("150022^MDC_PRESS_BLD_NONINV_DIA^MDC", "1.1.1.2", unit=MMHG, f8="QUES", f11="R")
    made = only(PRESSURE[2], diastolic)
    assert [label["code"] for label in made["meta"]["security"]] == ["UNCERTREL"]
    assert made["status"] == "preliminary"
    said = [len(part.get("interpretation", ())) for part in made["component"]]
    assert said == [0, 1]


@pytest.mark.parametrize(
    ("flags", "labels", "interpretation", "absent"),
    [
        pytest.param("", ["RELIABLE"], [], None, id="nothing-said"),
        pytest.param("DEMO", ["HTEST"], [], None, id="DEMO"),
        pytest.param("TEST", ["HTEST"], [], None, id="TEST"),
        pytest.param("QUES", ["UNCERTREL"], ["questionable"], None, id="QUES"),
        pytest.param("CAL", ["UNCERTREL"], ["calibration-ongoing"], None, id="CAL"),
        pytest.param("VAL", ["HRELIABLE"], ["validated-data"], None, id="VAL"),
        pytest.param("ALACT~H", [], ["H", "in-alarm"], None, id="ALACT"),
        pytest.param("INV", ["UNRELIABLE"], [], "error", id="INV"),
        pytest.param("NAV", [], [], "temp-unknown", id="NAV"),
        pytest.param("OFF", [], [], "not-performed", id="OFF"),
    ],
)
def test_worth_of_a_value(
    flags: str, labels: list[str], interpretation: list[str], absent: str | None
) -> None:
    made = only(obx(f8=flags))
    told = [label["code"] for label in made.get("meta", {}).get("security", ())]
    assert told == labels
    said = [each["coding"][0]["code"] for each in made.get("interpretation", ())]
    assert said == interpretation
    if absent is None:
        assert "valueQuantity" in made
    else:
        assert codes(made["dataAbsentReason"]) == [f"{ABSENT}|{absent}"]
        assert "valueQuantity" not in made


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        pytest.param(
            [obx(TEMPERATURE, value="384.5", unit=CELSIUS)],
            "MDC_TEMP is not within",
            id="384.5-Cel",
        ),
        pytest.param(
            [obx(TEMPERATURE, value="984", unit="266560^MDC_DIM_FAHR^MDC")],
            "MDC_TEMP is not within",
            id="984-degF-is-compared-in-Cel",
        ),
        pytest.param([obx(SATURATION, value="101", unit=PERCENT)], "SAT_O2", id="101-percent"),
        pytest.param([obx(), obx(value="62")], "same OBX-3, OBX-4 and time", id="said-twice"),
    ],
)
def test_what_cannot_be_is_quarantined(rows: list[str], reason: str) -> None:
    conversion = converted(oru(obx(place="1.9.9.9"), *rows))
    (rejected,) = conversion.quarantined
    assert reason in rejected.reason
    assert rejected.reading not in conversion.readings
    assert conversion.bundle is not None


def test_98_4_degrees_fahrenheit_can_be() -> None:
    made = only(obx(TEMPERATURE, value="98.4", unit="266560^MDC_DIM_FAHR^MDC"))
    assert (made["valueQuantity"]["value"], made["valueQuantity"]["code"]) == (
        Decimal("98.4"),
        "[degF]",
    )


@pytest.mark.parametrize(
    ("patient", "search"),
    [
        pytest.param("P-7^^^HOSP^MR", PATIENT, id="known-authority"),
        pytest.param("V1^^^HOSP^VN~X^^^HOSP^PI~P-7^^^HOSP^MR", PATIENT, id="record-number-first"),
        pytest.param("7^^^&1.2.3&ISO^PI", "Patient?identifier=urn:oid:1.2.3|7", id="OID"),
        pytest.param(
            r"a\F\b,c^^^HOSP^MR",
            f"Patient?identifier={HOSPITAL}|a%5C%7Cb%5C%2Cc",
            id="separators-of-a-search-are-escaped",
        ),
    ],
)
def test_the_patient_is_looked_for(patient: str, search: str) -> None:
    assert converted(oru(obx(), patient=patient)).patients == (search,)


@pytest.mark.parametrize(
    ("patient", "reason"),
    [
        pytest.param("", "no identifier of a person", id="none"),
        pytest.param("^^^HOSP^MR", "no identifier of a person", id="no-number"),
        pytest.param(
            "7^^^ELSEWHERE^MR", "no URI for the authority 'ELSEWHERE'", id="unknown-authority"
        ),
        pytest.param("7", "no URI for the authority ''", id="no-authority"),
        pytest.param("V1^^^HOSP^VN", "no identifier of a person", id="a-visit-is-no-patient"),
    ],
)
def test_an_unknown_patient_is_held(patient: str, reason: str) -> None:
    conversion = converted(oru(obx(), patient=patient))
    assert conversion.held is not None
    assert reason in conversion.held
    assert conversion.bundle is None
    assert conversion.readings


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"hello", "no MSH", id="no-HL7"),
        pytest.param(oru(kind="ADT^A01^ADT_A01"), "MSH-9", id="another-type"),
        pytest.param(oru(obx(), sent="now"), "MSH-7 is no HL7 time", id="MSH-7"),
        pytest.param(oru(obx(value="x")), "none of the message's readings", id="nothing-left"),
    ],
)
def test_what_can_never_be_charted(raw: bytes, reason: str) -> None:
    conversion = converted(raw)
    assert conversion.rejected is not None
    assert reason in conversion.rejected
    assert conversion.bundle is None


def test_a_message_without_metrics_is_done() -> None:
    conversion = converted(oru("OBX|1||69965^MDC_DEV_MON^MDC|1.0.0.0|||||||X"))
    assert (conversion.bundle, conversion.held, conversion.rejected) == (None, None, None)


def test_an_hour_that_exists_twice_is_a_period() -> None:
    source = replace(WARD, zone=ZoneInfo("Europe/Berlin"))
    made = only(obx(f14="20261025023000"), source=source)
    assert made["effectivePeriod"] == {
        "start": "2026-10-25T02:30:00+02:00",
        "end": "2026-10-25T02:30:00+01:00",
    }


def test_a_waveform_is_sampled_data() -> None:
    wave = obx("131329^MDC_ECG_ELEC_POTL_I^MDC", "1.1.1.9", "1^-2.50^^7", kind="NA")
    rate = obx("0^MDC_ATTR_SAMP_RATE^MDC", "1.1.1.9.1", "250", unit="264608^x^MDC")
    data = only(wave, rate)["valueSampledData"]
    assert (data["period"], data["factor"], data["dimensions"]) == (4, 1, 1)
    assert data["data"] == "1 -2.50 E 7"


def test_devices_are_a_tree() -> None:
    rows = ("OBX|1||69965^MDC_DEV_MON^MDC|1.0.0.0|||||||X", obx(place="1.5.1.3"))
    by_type: dict[str, list[dict[str, Any]]] = {}
    bundle = converted(oru(*rows)).bundle
    assert bundle is not None
    urls = {id(entry["resource"]): entry.get("fullUrl") for entry in bundle["entry"]}
    for entry in bundle["entry"]:
        by_type.setdefault(entry["resource"]["resourceType"], []).append(entry["resource"])
    system, virtual, channel = by_type["Device"]
    (metric,), (made,) = by_type["DeviceMetric"], by_type["Observation"]
    assert system["identifier"] == [
        {
            "system": "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680",
            "value": "00-11-22-33-44-55-66-77",
        }
    ]
    assert codes(system["type"]) == ["urn:iso:std:iso:11073:10101|69965"]
    assert virtual["parent"]["reference"] == urls[id(system)]
    assert channel["parent"]["reference"] == urls[id(virtual)]
    assert metric["parent"]["reference"] == urls[id(channel)]
    assert metric["source"]["reference"] == urls[id(system)]
    assert codes(metric["unit"]) == [
        "urn:iso:std:iso:11073:10101|264864",
        f"{UCUM}|/min",
    ]
    assert made["device"]["reference"] == urls[id(metric)]
    (told,) = by_type["Provenance"]
    assert told["target"] == [{"reference": urls[id(made)]}]
    mapping = told["entity"][1]["what"]["identifier"]
    assert mapping == {"system": "urn:fhirserver:device-bridge:mapping", "value": "standard|2"}


BASE = oru(obx(f14="20260504095959+0000"))


def identity(raw: bytes, source: Source = WARD, sequence: int = 1) -> str:
    bundle = converted(raw, source, sequence).bundle
    assert bundle is not None
    (made,) = [
        entry["resource"]["identifier"][0]["value"]
        for entry in bundle["entry"]
        if entry["resource"]["resourceType"] == "Observation"
    ]
    return str(made)


@pytest.mark.parametrize(
    ("raw", "source", "same"),
    [
        pytest.param(BASE, WARD, True, id="replay"),
        pytest.param(oru(obx(value="62", f14="20260504095959+0000")), WARD, True, id="value"),
        pytest.param(oru(obx(f11="C", f14="20260504095959+0000")), WARD, True, id="status"),
        pytest.param(
            oru(obx(f14="20260504095959+0000"), sent="2027"), WARD, True, id="time-of-the-message"
        ),
        pytest.param(oru(obx(f14="20260504095958+0000")), WARD, False, id="time"),
        pytest.param(
            oru(obx(place="1.1.1.2", f14="20260504095959+0000")), WARD, False, id="handle"
        ),
        pytest.param(
            oru(obx(SATURATION, f14="20260504095959+0000")), WARD, False, id="code"
        ),
        pytest.param(
            oru(obx(f14="20260504095959+0000", f18="A^^A^EUI-64")), WARD, False, id="device"
        ),
        pytest.param(BASE, replace(WARD, name="other"), False, id="source"),
    ],
)  # fmt: skip
def test_identity(raw: bytes, source: Source, same: bool) -> None:
    assert (identity(raw, source, 2) == identity(BASE)) == same


def test_without_a_time_of_the_device_each_message_is_another_measurement() -> None:
    raw = oru(obx(), observed="")
    assert identity(raw, sequence=1) == identity(raw, sequence=1)
    assert identity(raw, sequence=1) != identity(raw, sequence=2)


def test_an_independent_model_accepts_every_resource() -> None:
    wave = obx("131329^MDC_ECG_ELEC_POTL_I^MDC", "1.1.1.9", "1^2", kind="NA")
    rate = obx("0^MDC_ATTR_SAMP_RATE^MDC", "1.1.1.9.1", "250", unit="264608^x^MDC")
    rows = (*PRESSURE, obx(place="1.3.1.1", f8="DEMO~H", f7="50-120"), wave, rate)
    kinds = set()
    for resource in resources(oru(*rows, "NTE|1||a note")):
        kinds.add(resource["resourceType"])
        get_fhir_model_class(resource["resourceType"]).model_validate(resource)
    assert kinds == {"Device", "DeviceMetric", "Observation", "Provenance"}
