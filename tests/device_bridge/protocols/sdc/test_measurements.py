"""DEV-19: an update becomes readings, and any line has an answer."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.fhir.json_text import decode, encode
from fhirserver_device_bridge.moments import first_instant
from fhirserver_device_bridge.protocols.sdc.update import MAGIC
from fhirserver_device_bridge.reading import Coded, Quantity
from fhirserver_device_bridge.source import Source

AT = "2026-05-04T10:00:00.250+00:00"
DEVICE = "urn:uuid:8f9c7f3a-2f3c-4d0b-9a63-0d6c9b1f7e10"
PATH = [
    {"kind": "mds", "handle": "mds0", "code": {"code": "69965"}, "identifier": DEVICE},
    {"kind": "channel", "handle": "chan0"},
]
SATURATION = {
    "handle": "sat",
    "code": {"code": "150456", "name": "MDC_PULS_OXIM_SAT_O2"},
    "path": PATH,
    "number": "98.50",
    "unit": {"code": "262688"},
    "determined": "2026-05-04T09:59:59.5Z",
}
UPDATE = {
    "device": DEVICE,
    "received": AT,
    "model": "M1",
    "patient": [{"system": "urn:oid:1.2.3", "value": "12345"}],
    "location": {"point_of_care": "ICU", "bed": "B1"},
    "metrics": [SATURATION],
}


def converted(raw: bytes) -> Conversion:
    return convert(MAGIC + raw, Source("theatre"), first_instant(AT), 3)


def of_metrics(*metrics: dict[str, object]) -> Conversion:
    return converted(json.dumps({**UPDATE, "metrics": metrics}).encode())


def test_dev_19_what_is_charted() -> None:
    conversion = of_metrics(SATURATION)
    assert conversion.bundle is not None
    made = [each["resource"] for each in conversion.bundle["entry"]]
    (observation,) = (each for each in made if each["resourceType"] == "Observation")
    outer, inner = (each for each in made if each["resourceType"] == "Device")
    assert conversion.patients == ("Patient?identifier=urn:oid:1.2.3|12345",)
    assert observation["effectiveDateTime"] == "2026-05-04T09:59:59.500+00:00"
    assert observation["valueQuantity"]["value"] == Decimal("98.50")
    assert observation["valueQuantity"]["code"] == "%"
    assert observation["code"]["coding"][0]["code"] == "2708-6"
    assert outer["identifier"] == [{"system": "urn:ietf:rfc:3986", "value": DEVICE}]
    assert (outer["modelNumber"], "modelNumber" in inner) == ("M1", False)


@pytest.mark.parametrize(
    ("said", "value", "absent", "flags"),
    [
        pytest.param({}, "98.50", None, set(), id="Vld"),
        pytest.param({"validity": "Vldated"}, "98.50", None, {"validated"}, id="Vldated"),
        pytest.param({"validity": "Ong"}, "98.50", None, {"ongoing"}, id="Ong"),
        pytest.param({"validity": "Qst"}, "98.50", None, {"questionable"}, id="Qst"),
        pytest.param({"validity": "Calib"}, "98.50", None, {"calibrating"}, id="Calib"),
        pytest.param({"validity": "Inv"}, None, "error", {"invalid"}, id="Inv"),
        pytest.param({"validity": "NA"}, None, "temp-unknown", {"not-available"}, id="NA"),
        pytest.param({"validity": "Oflw"}, None, "error", set(), id="Oflw"),
        pytest.param({"validity": "Uflw"}, None, "error", set(), id="Uflw"),
        pytest.param({"mode": "Demo"}, "98.50", None, {"demo"}, id="Demo"),
        pytest.param({"mode": "Test"}, "98.50", None, {"test"}, id="Test"),
        pytest.param({"number": None}, None, "unknown", set(), id="no-value"),
        pytest.param({"number": None, "text": "on"}, "on", None, set(), id="text"),
        pytest.param(
            {"number": None, "text": "x", "concept": {"code": "7", "system": "urn:a"}},
            "7",
            None,
            set(),
            id="concept",
        ),
    ],
)
def test_dev_19_values(
    said: dict[str, object], value: str | None, absent: str | None, flags: set[str]
) -> None:
    (reading,) = of_metrics({**SATURATION, **said}).readings
    match reading.value:
        case Quantity() as quantity:
            shown: object = quantity.text
        case Coded() as coded:
            shown = coded.codings[0].code
        case _:
            shown = reading.value
    assert (shown, reading.absent, reading.flags) == (value, absent, flags)


@pytest.mark.parametrize("number", ["NaN", "1e5", "", "1" * 70, "٣"])
def test_dev_19_a_number_that_is_none_is_quarantined_alone(number: str) -> None:
    conversion = of_metrics({**SATURATION, "handle": "b", "number": number}, SATURATION)
    assert [each.reading.handle for each in conversion.quarantined] == ["b"]
    assert [each.handle for each in conversion.readings] == ["sat"]


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        pytest.param(b"{", "no JSON", id="no-json"),
        pytest.param({"metrics": [{}]}, "no update", id="no-metric"),
        pytest.param({"received": "2026-05-04T10:00:00"}, "with their offset", id="no-offset"),
        pytest.param(
            {"metrics": [{**SATURATION, "determined": "9999-01-01T00:00:00Z"}]},
            "times since 2000",
            id="beyond-the-calendar",
        ),
        pytest.param({"metrics": [{**SATURATION, "path": []}]}, "in 'path'", id="no-device"),
        pytest.param({"metrics": [{**SATURATION, "validity": "OK"}]}, "no update", id="validity"),
    ],
)
def test_dev_19_a_line_that_is_none(told: bytes | dict[str, object], fault: str) -> None:
    raw = told if isinstance(told, bytes) else json.dumps({**UPDATE, **told}).encode()
    assert fault in (converted(raw).rejected or "")


@given(st.data())
def test_dev_19_any_line_has_an_answer(data: st.DataObject) -> None:
    raw = bytearray(json.dumps(UPDATE).encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(len(raw), start + 6)))
        raw[start:end] = data.draw(st.binary(max_size=4))
    conversion = converted(bytes(raw))
    if conversion.bundle is not None:
        text = encode(conversion.bundle)
        assert encode(decode(text)) == text
