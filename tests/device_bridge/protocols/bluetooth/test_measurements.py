"""DEV-22, DEV-18: who, when and on whom a notification is; any octets have an answer."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.fhir.json_text import decode, encode
from fhirserver_device_bridge.moments import first_instant
from fhirserver_device_bridge.protocols.bluetooth.characteristics import CHARACTERISTICS
from fhirserver_device_bridge.protocols.bluetooth.notification import MAGIC
from fhirserver_device_bridge.reading import Reading
from tests.device_bridge.protocols.bluetooth.lines import RECEIVED, SOURCE, entry, known, line

PRESSURE = "1E 7800 5000 5D00 EA07 05 04 09 3B 00 3C00 02 0000"
"""120/80 (93), 2026-05-04T09:59:00, pulse 60, user 2."""
CLOCK = "EA0705040A00000100 00"
"""Current Time: 2026-05-04T10:00:00."""


def converted(raw: bytes) -> Conversion:
    return convert(raw, SOURCE, first_instant(RECEIVED), 7)


def resources(conversion: Conversion, kind: str) -> list[dict[str, object]]:
    assert conversion.bundle is not None
    found = (each["resource"] for each in conversion.bundle["entry"])
    return [each for each in found if each["resourceType"] == kind]


def test_dev_22_a_blood_pressure_becomes_one_observation_of_its_user() -> None:
    conversion = converted(entry(0x2A35, PRESSURE))
    pressure, _ = resources(conversion, "Observation")
    assert conversion.patients == ("Patient?identifier=urn:user|00-1C-05-FF-E8-74.2",)
    assert pressure["effectiveDateTime"] == "2026-05-04T09:59:00+00:00"
    assert [each["valueQuantity"]["value"] for each in pressure["component"]] == [  # type: ignore[attr-defined]
        Decimal(120),
        Decimal(80),
        Decimal(93),
    ]


def test_dev_22_the_device_has_its_address_and_what_is_known_of_it() -> None:
    """The System ID is that of sputnikdev/bluetooth-gatt-parser's integration tests."""
    about = [
        known(0x2A23, "55AA55AA55AA55AA"),
        known(0x2A29, b"Wahoo Fitness\x00\x00".hex()),
        known(0x2A24, "4D37"),
        known(0x2A25, "31353837"),
        known(0x2A26, "322E31"),
        known(0x2A28, "39"),
    ]
    (device,) = resources(converted(entry(0x2A37, "0055", known=about)), "Device")
    assert device["identifier"] == [
        {"system": "http://hl7.org/fhir/sid/eui-48/bluetooth", "value": "00-1C-05-FF-E8-74"},
        {
            "system": "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680",
            "value": "AA-55-AA-55-AA-55-AA-55",
        },
    ]
    assert (device["manufacturer"], device["modelNumber"]) == ("Wahoo Fitness", "M7")
    assert (device["serialNumber"], device["version"]) == ("1587", [{"value": "2.1"}])


def placed(number: int, value: str, *about: dict[str, str]) -> tuple[str | None, str | None]:
    """Give the time of the first reading, or why it has none."""
    conversion = converted(entry(number, value, known=about))
    if conversion.rejected and not conversion.quarantined:
        return None, conversion.rejected
    if conversion.quarantined:
        return None, conversion.quarantined[0].reason
    time = conversion.readings[0].time
    return time.text if time else None, None


GLUCOSE = "1B 0100 E307021B0B0A1E FBFF 1E00 12 0501"


@pytest.mark.parametrize(
    ("number", "value", "about", "time", "fault"),
    [
        pytest.param(0x2A37, "0055", [], RECEIVED, None, id="none-sent-the-gateways"),
        pytest.param(0x2A35, PRESSURE, [], "2026-05-04T09:59:00+00:00", None, id="as-sent"),
        pytest.param(
            0x2A35,
            PRESSURE,
            [known(0x2A2B, "EA0705040B00000100 00", "2026-05-04T10:00:00+00:00")],
            "2026-05-04T08:59:00+00:00",
            None,
            id="shifted-by-a-clock-an-hour-ahead",
        ),
        pytest.param(
            0x2A35,
            PRESSURE,
            [
                known(0x2A08, "EA0705040B0000", "2026-05-04T09:00:00+00:00"),
                known(0x2A08, "EA0705040A0000", "2026-05-04T10:00:00+00:00"),
            ],
            "2026-05-04T09:59:00+00:00",
            None,
            id="the-newest-of-two-looks-at-the-clock",
        ),
        pytest.param(
            0x2A35,
            PRESSURE,
            [known(0x2A2B, "EA07050409000001 0000", "2026-05-04T10:00:00+00:00")],
            None,
            "later than the clock",
            id="ahead-of-its-own-clock",
        ),
        pytest.param(
            0x2A35,
            "1E8A00580078000000041114293B3C00012700",
            [],
            None,
            "no date",
            id="nordic-year-not-known",
        ),
        pytest.param(
            0x2A18, GLUCOSE, [], "2019-02-27T11:05:30+00:00", None, id="nordic-offset-of-minutes"
        ),
        pytest.param(
            0x2A18,
            "0A 0100 E307021B0B0A1E 70B0 11 0008",
            [],
            None,
            "clock is wrong",
            id="time-fault-of-the-meter",
        ),
        pytest.param(
            0x2A5E, "11 5F00 5A00 E8070B1D170839", [], None, "clock is wrong", id="clock-not-set"
        ),
        pytest.param(
            0x2A34,
            "02 0100 01",
            [known(0x2A18, "000200E307021B0B0A1E"), known(0x2A18, GLUCOSE)],
            "2019-02-27T11:05:30+00:00",
            None,
            id="a-context-has-its-measurements",
        ),
        pytest.param(
            0x2A34,
            "08 0100 FF00 32",
            [known(0x2A18, "000100 0F270C1F173B3B")],
            None,
            "beyond the calendar",
            id="an-exercise-beyond-the-calendar",
        ),
    ],
)
def test_dev_18_when_it_was_measured(
    number: int, value: str, about: list[dict[str, str]], time: str | None, fault: str | None
) -> None:
    found, reason = placed(number, value, *about)
    assert found == time
    assert (fault or "") in (reason or "")


def first(raw: bytes) -> Reading:
    return converted(raw).readings[0]


@pytest.mark.parametrize(
    ("number", "value", "flags", "status"),
    [
        pytest.param(0x2A37, "0655", set(), "final", id="contact"),
        pytest.param(0x2A37, "0455", {"questionable"}, "final", id="no-contact"),
        pytest.param(0x2A37, "0255", set(), "final", id="contact-is-not-looked-for"),
        pytest.param(
            0x2A5F, "045F005A002001", {"ongoing"}, "preliminary", id="spezi-ongoing-and-qualified"
        ),
        pytest.param(
            0x2A5F, "045F005A00C00D", {"early-estimate", "validated", "demo", "test"},
            "preliminary", id="for-testing",
        ),
        pytest.param(
            0x2A5F, "045F005A000070", {"calibrating", "not-available", "questionable"},
            "final", id="not-available",
        ),
    ],
)  # fmt: skip
def test_dev_22_what_the_device_doubts(
    number: int, value: str, flags: set[str], status: str
) -> None:
    reading = first(entry(number, value))
    assert (reading.flags, reading.status) == (flags, status)
    assert reading.absent == ("temp-unknown" if "not-available" in flags else None)


def test_dev_22_a_stored_value_that_is_told_again_later_is_the_same_observation() -> None:
    again = converted(entry(0x2A35, PRESSURE, received="2026-05-05T10:00:00Z"))
    ones = [
        [each["identifier"] for each in resources(conversion, "Observation")]
        for conversion in (converted(entry(0x2A35, PRESSURE)), again)
    ]
    assert ones[0] == ones[1]


def test_dev_22_a_temperature_is_a_vital_sign_wherever_it_was_measured() -> None:
    (made,) = resources(converted(entry(0x2A1C, "04 B00E00FE 06")), "Observation")
    codes = [each["code"] for each in made["code"]["coding"]]  # type: ignore[index]
    assert codes == ["8310-5", "8331-1", "188424"]
    assert made["category"][0]["coding"][0]["code"] == "vital-signs"  # type: ignore[index]


def test_dev_22_an_unknown_user_is_the_devices() -> None:
    conversion = converted(entry(0x2A9D, "04 B036 FF"))
    assert conversion.patients == ("Patient?identifier=urn:user|00-1C-05-FF-E8-74",)


GOOD = json.loads(line(0x2A37, "0055"))


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        pytest.param(b"\xff{", "no JSON", id="no-json"),
        pytest.param(b"[]", "no notification", id="no-object"),
        pytest.param({"device": "ward 3"}, "'device' is no address", id="device"),
        pytest.param({"device": None}, "no notification", id="type"),
        pytest.param({"service": "1810"}, "'service' must be 180D", id="service"),
        pytest.param({"characteristic": "2A36"}, "'characteristic' is none", id="characteristic"),
        pytest.param({"characteristic": "Heart Rate"}, "'characteristic' is none", id="name"),
        pytest.param({"value": "0x55"}, "'value' must be hexadecimal", id="value"),
        pytest.param({"received": "2026-05-04T10:00:00"}, "'received' must be", id="no-offset"),
        pytest.param({"received": "9999-05-04T10:00:00Z"}, "'received' must be", id="no-such-year"),
        pytest.param({"room": "1"}, "no notification", id="unknown-key"),
        pytest.param({"known": [known(0x2A24, "4")]}, "'value' must be", id="value-beside"),
        pytest.param({"known": [known(0x2A24, "")] * 65}, "more than 64", id="much-beside"),
    ],
)
def test_dev_22_a_line_that_is_none(told: bytes | dict[str, object], fault: str) -> None:
    text = told if isinstance(told, bytes) else json.dumps({**GOOD, **told}).encode()
    assert fault in (converted(MAGIC + text).rejected or "")


@pytest.mark.parametrize("uuid", ["00002a37-0000-1000-8000-00805f9b34fb", "00002A37", "2a37"])
def test_dev_22_numbers_are_assigned_in_any_writing(uuid: str) -> None:
    assert (
        first(MAGIC + json.dumps({**GOOD, "characteristic": uuid}).encode()).handle == "2A37.rate"
    )


KNOWN = st.lists(
    st.builds(
        known,
        st.sampled_from([0x2A18, 0x2A23, 0x2A24, 0x2A2B, 0x2A08]),
        st.binary(max_size=12).map(bytes.hex),
        st.sampled_from([RECEIVED, "2000-01-01T00:00:00+23:59", "8999-12-31T23:59:59-23:59"]),
    ),
    max_size=3,
)


@given(st.sampled_from(sorted(CHARACTERISTICS)), st.binary(max_size=32), KNOWN)
@example(0x2A34, bytes.fromhex("080000010000"), [known(0x2A18, "010000 0F270C1F173B3B FF7F")])
@example(0x2A18, bytes.fromhex("0100000100010100000000 80".replace(" ", "")), [])
def test_dev_22_any_octets_have_an_answer(
    number: int, value: bytes, about: list[dict[str, str]]
) -> None:
    has_an_answer(converted(entry(number, value.hex(), known=about)))


@given(st.data())
def test_dev_22_any_line_has_an_answer(data: st.DataObject) -> None:
    raw = bytearray(line(0x2A35, PRESSURE, known=[known(0x2A2B, CLOCK)]))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(len(raw), start + 6)))
        raw[start:end] = data.draw(st.binary(max_size=4))
    has_an_answer(converted(MAGIC + bytes(raw)))


def has_an_answer(conversion: Conversion) -> None:
    if conversion.bundle is not None:
        text = encode(conversion.bundle)
        assert encode(decode(text)) == text
