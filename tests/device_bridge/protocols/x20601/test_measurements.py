"""DEV-16, DEV-17: what agents of each specialisation send becomes the readings they mean.

`specialisations.json` holds whole exchanges octet by octet, made with `struct` alone, and what
each reading must be. The recorded exchanges are from real agents and the standards' own examples.
"""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import pytest

from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.protocols.x20601.measurements import measurements
from fhirserver_device_bridge.protocols.x20601.recording import Received, write
from fhirserver_device_bridge.reading import Coded, Quantity, Reading, Rejected, Samples
from fhirserver_device_bridge.source import Source

HERE = Path(__file__).parent
EXCHANGES: list[dict[str, Any]] = json.loads((HERE / "specialisations.json").read_bytes())
NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
"""What the clock of the agents in `specialisations.json` shows when it is read."""


def recording(apdus: list[bytes], at: datetime = NOW, step_s: int = 0) -> bytes:
    return write(
        Received(at + timedelta(seconds=step_s * number), apdu) for number, apdu in enumerate(apdus)
    )


def read(apdus: list[bytes], at: datetime = NOW, step_s: int = 0) -> list[Reading | Rejected]:
    return measurements(recording(apdus, at, step_s), Source("home"), 7)


@pytest.mark.parametrize("exchange", [pytest.param(each, id=each["name"]) for each in EXCHANGES])
def test_an_exchange_becomes_the_readings_it_means(exchange: dict[str, Any]) -> None:
    apdus = [bytes.fromhex(each) for each in exchange["apdus"]]
    found = [shown(each) for each in read(apdus)]
    assert found == [complete(each) for each in exchange["readings"]]


def test_every_specialisation_is_shown() -> None:
    shown_here = {each["specialisation"] for each in EXCHANGES}
    assert shown_here == {
        f"11073-{part}" for part in (10404, 10406, 10407, 10408, 10415, 10417, 10441)
    }


def test_the_device_is_described_by_its_attributes() -> None:
    reading = read([bytes.fromhex(each) for each in EXCHANGES[0]["apdus"]])[0]
    assert isinstance(reading, Reading)
    [level] = reading.path
    assert (level.model, level.manufacturer) == ("Onyx", "Nonin")
    assert (level.serial_number, level.version) == ("501", "1.2")
    assert level.identifiers[0].value == "11-22-33-44-55-66-77-04"
    assert level.code is not None
    assert level.code.display == "MDC_DEV_SPEC_PROFILE_PULS_OXIM"


def test_samples_keep_their_scale() -> None:
    [ecg] = [each for each in EXCHANGES if each["specialisation"] == "11073-10406"]
    reading = read([bytes.fromhex(each) for each in ecg["apdus"]])[0]
    assert isinstance(reading, Reading)
    samples = reading.value
    assert isinstance(samples, Samples)
    ends = [samples.factor * end + samples.offset for end in (-2048, 2047)]
    assert [round(end, 6) for end in ends] == [Decimal("-0.5"), Decimal("0.5")]


@pytest.mark.parametrize(
    "octets", [pytest.param("00ffffff", id="negative"), pytest.param("7f000001", id="endless")]
)
def test_a_duration_that_cannot_be_is_not_charted(octets: str) -> None:
    [run] = [each for each in EXCHANGES if each["name"] == "activity monitor, a run"]
    apdus = [bytes.fromhex(each.replace("00000708", octets)) for each in run["apdus"]]
    reasons = [each.reason for each in read(apdus) if isinstance(each, Rejected)]
    assert ["duration is negative" in reason for reason in reasons] == [True, True]


PARTS = {
    "unknown-object": (0, "f000000000010006006300020061", 3357, "object 99"),
    "too-long-for-its-map": (
        0,
        "f00000000001000f0001000b0062202603140926530000",
        3357,
        "more than",
    ),
    "cut-in-a-value": (0, "f00000000001000500010001ff", 3357, "announced"),
    "count-beyond-length": (0, "f00000000009000600010002ffff", 3357, "announced"),
    "grouped-of-no-scanner": (1, "000000000001000400020062", 3370, "no map of handles"),
    "segment-not-asked-for": (1, "0001000000000000000100000000", 3361, "no map of its entries"),
}


@pytest.mark.parametrize(
    ("handle", "info", "kind", "problem"),
    [pytest.param(*row, id=name) for name, row in PARTS.items()],
)
def test_what_does_not_fit_the_configuration_is_said(
    handle: int, info: str, kind: int, problem: str
) -> None:
    associate = bytes.fromhex(EXCHANGES[0]["apdus"][0])
    with pytest.raises(MderError, match=problem):
        read([associate, event(kind, bytes.fromhex(info), handle)])


def event(kind: int, info: bytes, handle: int) -> bytes:
    body = handle.to_bytes(2, "big") + b"\xff" * 4 + kind.to_bytes(2, "big") + wrapped(info)
    return b"\xe7\x00" + wrapped(wrapped(b"\x00\x01\x01\x01" + wrapped(body)))


def wrapped(octets: bytes) -> bytes:
    return len(octets).to_bytes(2, "big") + octets


# What recorded agents said: directory, files, and rows of handle, MDC code, value.
RECORDED = {
    "blood-pressure, its own configuration, two persons' format": (
        ["blood_pressure/aarq", "blood_pressure/roiv_mdc_noti_config"],
        "blood_pressure/roiv_mds_note_scan_report_mp_fixed",
        [
            ("1.1", "150021", "113"),
            ("1.2", "150022", "71"),
            ("1.3", "150023", "85"),
            ("2", "149546", "71"),
            ("3", "192530", "0"),
        ],
    ),
    "weighing-scale with ten objects": (
        ["weighing_scale/association_request", "weighing_scale/roiv_mdc_noti_config"],
        "weighing_scale/data_report",
        [
            ("1", "188736", "79.6"),
            ("2", "188740", "171.0"),
            ("3", "188752", "27.2"),
            ("4", "188748", "25.7"),
            ("5", "192513", "1695000"),
            ("6", "192514", "8.0"),
            ("7", "192515", "54"),
            ("8.1", "192522", "33.8"),
            ("8.2", "192523", "0"),
            ("8.3", "192524", "0"),
            ("8.4", "192525", "0"),
            ("9", "192526", "0"),
            ("10.1", "192528", "0"),
            ("10.2", "192529", "25"),
        ],
    ),
    "oximeter 0190": (
        ["H211_ID_0190"],
        "H241_ID_0190",
        [("1", "150456", "98"), ("10", "149530", "72")],
    ),
    "blood pressure 02BC": (
        ["H211_ID_02BC"],
        "H241_ID_02BC",
        [
            ("1.1", "150021", "120"),
            ("1.2", "150022", "80"),
            ("1.3", "150023", "100"),
            ("2", "149546", "60.0"),
        ],
    ),
    "scale with two measurements of two objects": (
        ["H211_ID_05DC", "H221_ID_05DC"],
        "H241_ID_05DC",
        [
            ("1", "188736", "76.2"),
            ("3", "188752", "24.3"),
            ("1", "188736", "76.0"),
            ("3", "188752", "24.2"),
        ],
    ),
    "answer to a data request": (
        ["H211", "H221"],
        "H244",
        [("1", "188736", "62.4"), ("2", "188748", "25.6")],
    ),
}


@pytest.mark.parametrize(
    ("context", "report", "rows"), [pytest.param(*row, id=name) for name, row in RECORDED.items()]
)
def test_recorded_agents(
    recorded: dict[str, bytes],
    context: list[str],
    report: str,
    rows: list[tuple[str, str, str]],
) -> None:
    apdus = [recorded[name] for name in [*context, report]]
    assert [triple(each) for each in read(apdus)] == rows


def triple(found: Reading | Rejected) -> tuple[str, str, str]:
    assert isinstance(found, Reading)
    assert isinstance(found.value, Quantity)
    assert str(found.value.value) == found.value.text
    return found.handle, found.codes[0].code, found.value.text


def test_a_recorded_user_and_private_name(recorded: dict[str, bytes]) -> None:
    names = ["association_request", "roiv_mdc_noti_config", "data_report"]
    found = read([recorded[f"weighing_scale/{name}"] for name in names])
    reading = found[4]
    assert isinstance(reading, Reading)
    assert (reading.codes[0].display, reading.patient[0].value) == (
        "BME",
        "11-22-33-44-55-66-77-88.52",
    )
    assert reading.time is not None
    assert (reading.time.text, reading.time.offset_known) == ("2010-07-21T09:40:00+00:00", False)


def test_what_another_manager_decoded(decoded: Element) -> None:
    """The values of `decoded/`, put into a report of their kind; their time is no date."""
    person, rows = another_manager(decoded)
    numbers = b"".join(value.to_bytes(2, "big") for _, value in rows[:3])
    time = bytes((22, 55, 95, 95, 95, 95, 95, 0))
    objects = [
        b"\x00\x01" + wrapped(b"\x00\x03" + wrapped(numbers) + time),
        b"\x00\x02" + wrapped(rows[3][1].to_bytes(2, "big") + time),
    ]
    report = listed([person.to_bytes(2, "big") + listed(objects)])
    associate = bytes.fromhex(EXCHANGES[3]["apdus"][0])
    found = read([associate, event(3359, b"\xf0\x00\x00\x00" + report, 0)])
    assert [each.reason[:27] for each in found if isinstance(each, Rejected)] == [NO_DATE] * 4
    shown_here = [each.reading for each in found if isinstance(each, Rejected)]
    assert [(int(each.codes[0].code), number_of(each)) for each in shown_here] == rows[:4]
    assert {each.patient[0].value for each in shown_here} == {f"11-22-33-44-55-66-77-07.{person}"}


NO_DATE = "the absolute time stamp is "


def number_of(reading: Reading) -> int:
    assert isinstance(reading.value, Quantity)
    return int(reading.value.value)


def listed(items: list[bytes]) -> bytes:
    return len(items).to_bytes(2, "big") + wrapped(b"".join(items))


def another_manager(decoded: Element) -> tuple[int, list[tuple[int, int]]]:
    """The person, and MDC code and value of every number."""
    space = {"a": "http://www.signove.com/IEEE-11073-20601"}
    metas = {meta.get("name"): meta.text for meta in decoded.iterfind(".//a:meta", space)}
    rows = []
    for entry in decoded.iterfind(".//a:entry", space):
        own = {meta.get("name"): meta.text for meta in entry.iterfind("a:meta-data/a:meta", space)}
        if "metric-id" in own:
            code = int(own["partition"] or 0) * 65536 + int(own["metric-id"] or 0)
            value = entry.findtext("a:simple/a:value", "", space)
            rows.append((code, round(float(value))))
    return int(metas["personal-id"] or 0), rows


def complete(row: dict[str, Any]) -> dict[str, Any]:
    blank = {"flags": [], "person": None, "supplemental": []}
    optional = dict.fromkeys(("absent", "compound", "duration_s", "period_ms"))
    return blank | optional | row


def shown(found: Reading | Rejected) -> dict[str, Any]:
    """A reading as `specialisations.json` has it."""
    assert isinstance(found, Reading), found
    value, unit, period = form(found.value)
    person = found.patient[0].value.partition(".")[2]
    return {
        "handle": found.handle,
        "code": int(found.codes[0].code),
        "name": found.codes[0].display,
        "value": value,
        "unit": unit,
        "time": found.time and found.time.text,
        "absent": found.absent,
        "flags": sorted(found.flags),
        "compound": found.compound and int(found.compound.code),
        "duration_s": found.duration_s and str(found.duration_s),
        "supplemental": [int(each.code) for each in found.supplemental],
        "person": int(person) if person else None,
        "period_ms": period,
    }


def form(value: object) -> tuple[Any, int | None, str | None]:
    if isinstance(value, Quantity):
        return value.text, value.unit and int(value.unit.code), None
    if isinstance(value, Samples):
        unit = value.unit and int(value.unit.code)
        return [str(each) for each in value.values], unit, str(value.period_ms)
    if isinstance(value, Coded):
        code = value.codings[0].code
        return code if "." in code else int(code), None, None
    return value if value is None else f"text {value}", None, None
