"""Result records of analyzers become readings. DEV-21, DEV-06, DEV-08, DEV-10, DEV-12."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.framing.astm import frame
from fhirserver_device_bridge.protocols.astm.records import AstmError, records
from fhirserver_device_bridge.protocols.astm.results import measurements
from fhirserver_device_bridge.reading import Coding, Identifier, Quantity, Reading
from fhirserver_device_bridge.source import Source

SOURCE = Source(
    "lab", systems=(("tests", "urn:x"), ("specimens", "urn:s"), ("laboratory", "urn:l"))
)
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
AT = datetime(2026, 5, 6, 7, 8, 9, tzinfo=UTC)
HEADER = r"H|\^&|||XP-100^1||||||||E1394-97|20260506070000"
EARLIER, LATER = "20260506060000", "20260506063000"
FIELDS = {"unit": 5, "range": 6, "flags": 7, "status": 9, "started": 12, "completed": 13}
PRELIMINARY = "O|1|S1" + 23 * "|" + "P"
BOTH = (Coding("universal", "2345-7", "Glucose"), Coding("urn:x", "GLU", "Glucose"))


def message(*lines: str) -> bytes:
    return "\r".join((HEADER, *lines, "L|1|N\r")).encode()


def row(test: str, value: str = "1", **given: str) -> str:
    """Write a result record."""
    fields = ["R", "1", test, value, *9 * [""]]
    for name, text in given.items():
        fields[FIELDS[name] - 1] = text
    return "|".join(fields)


def read(*lines: str, source: Source = SOURCE) -> Reading:
    """Read a message of one result."""
    (reading,) = measurements(message(*lines), source, 7)
    assert isinstance(reading, Reading), reading
    return reading


def number(text: str, unit: str | None = None, comparator: Any = None) -> Quantity:
    return Quantity(Decimal(text), text, Coding("", unit) if unit else None, comparator)


RESULTS: dict[str, tuple[str, dict[str, Any]]] = {
    "DEV-12 digits stay": (row("^^^G", "5.40", unit="g/L"), {"value": number("5.40", "g/L")}),
    "spaces, no unit": (row("^^^G", "  5.5"), {"value": number("5.5")}),
    "comparator": (row("^^^G", "<0.5"), {"value": number("0.5", None, "<")}),
    "text of components": (row("^^^G", "Positif^0.05"), {"value": "Positif 0.05"}),
    "escapes": (row("^^^G", "1&F&2 &X41&"), {"value": "1|2 A"}),
    "DEV-08 cancelled": (
        row("^^^G", "", status="X"),
        {"value": None, "absent": "not-performed", "status": "cancelled"},
    ),
    "DEV-08 no value": (row("^^^G", ""), {"value": None, "absent": "unknown"}),
    "DEV-10 the analyzer's code": (row("^^^413"), {"codes": (Coding("urn:x", "413"),)}),
    "DEV-10 in a later component": (
        row("^^^^WBC^1"),
        {"codes": (Coding("urn:x", "WBC"),), "handle": "^^^^WBC^1"},
    ),
    "DEV-10 a universal code too": (row("2345-7^Glucose^^GLU"), {"codes": BOTH}),
    "range": (row("^^^G", range="3.5-5.1"), {"range": "3.5-5.1"}),
    "flags": (
        row("^^^G", flags="H\\*"),
        {"interpretation": (Coding(INTERPRETATION, "H"), Coding("", "*"))},
    ),
    "status of the result": (row("^^^G", status="C"), {"status": "corrected"}),
    "status of the order, where the result has none": (row("^^^G"), {"status": "preliminary"}),
    "a status that nobody knows": (row("^^^G", status="?"), {"status": "unknown"}),
    "time of its own": (row("^^^G", completed="20260506"), {"timed_by_message": False}),
    "time of the message": (row("^^^G"), {"timed_by_message": True}),
}


@pytest.mark.parametrize(("sent", "said"), RESULTS.values(), ids=RESULTS.keys())
def test_results(sent: str, said: dict[str, Any]) -> None:
    reading = read("P|1", PRELIMINARY, sent)
    assert {name: getattr(reading, name) for name in said} == said


@pytest.mark.parametrize(
    ("given", "time"),
    [
        pytest.param({"started": EARLIER, "completed": LATER}, "06:30", id="completed"),
        pytest.param({"started": EARLIER}, "06:00", id="started"),
        pytest.param({}, "07:00", id="of the message"),
    ],
)
def test_times(given: dict[str, str], time: str) -> None:
    found = read(row("^^^G", **given)).time
    assert found is not None
    assert found.text == f"2026-05-06T{time}:00+00:00"


@pytest.mark.parametrize(
    ("order", "component", "expected"),
    [
        pytest.param("S1", None, "S1", id="its number"),
        pytest.param("|T20 7", None, "T20 7", id="the analyzer's number"),
        pytest.param("|^^ 113^", None, "113", id="the only component"),
        pytest.param("|7^12^113^A", None, None, id="rack, place, number: never guessed"),
        pytest.param("|7^12^113^A", 3, "113", id="the component that is told"),
        pytest.param("|7^12", 3, None, id="which is not there"),
        pytest.param("", None, None, id="none"),
    ],
)
def test_specimens(order: str, component: int | None, expected: str | None) -> None:
    source = Source("lab", systems=SOURCE.systems, specimen_component=component)
    found = read("P|1", f"O|1|{order}", "R|1|^^^GLU|1", source=source).specimen
    assert found == (Identifier("urn:s", expected) if expected else None)


def test_what_stands_above_and_below_a_result() -> None:
    """A new patient has none of the order and comments before; a comment is on what is above it."""
    first, second, third = measurements(
        message(
            "P|1|A|LA", "C|1|I|on the patient", "O|1|S1", "C|1|I|on the order", "R|1|^^^X|1",
            "C|1|I|on X\b", "M|1|curve", "C|2|I|more^on X", "R|2|^^^Y|2", "P|2|B", "R|1|^^^X|3",
        ),
        SOURCE,
        7,
    )  # fmt: skip
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert isinstance(third, Reading)
    assert first.notes == (
        "on the patient",
        "on the order",
        "on X\N{REPLACEMENT CHARACTER}",
        "more on X",
    )
    assert second.notes == ("on the patient", "on the order")
    assert third.notes == ()
    assert first.patient == (Identifier("urn:l", "LA"), Identifier("practice", "A"))
    assert third.patient == (Identifier("practice", "B"),)
    assert (first.specimen, third.specimen) == (Identifier("urn:s", "S1"), None)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(message("P|1", "O|1|S1"), "no result", id="no result"),
        pytest.param(message("Q|1|^S1||ALL"), "request for orders", id="a request"),
        pytest.param(b"R|1|^^^X|1\r", "no header", id="no header"),
        pytest.param(b"H|||\rR|1\r", "four different characters", id="separators"),
        pytest.param(b"\x021H|\\^&\r\x0300\r\n", "checksum", id="a frame that was altered"),
        pytest.param(message("C|1|I|?").replace(b"?", b"\xff"), "character_set", id="DEV-05"),
        pytest.param(message().replace(b"20260506070000", b"x"), "H.14 is no time", id="DEV-06"),
    ],
)  # fmt: skip
def test_what_is_no_message(raw: bytes, reason: str) -> None:
    rejected = convert(raw if raw[:1] == b"\x02" else framed(raw), SOURCE, AT, 7).rejected
    assert rejected is not None
    assert reason in rejected


def framed(text: bytes) -> bytes:
    return frame(1, text)


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        pytest.param(row(""), "R.3 holds no code", id="no code"),
        pytest.param(row("^^^X", completed="today"), "R.13 is no time", id="DEV-06 no time"),
    ],
)
def test_a_result_that_is_quarantined_leaves_the_others(sent: str, reason: str) -> None:
    conversion = converted(sent, row("^^^GLU"))
    assert [each.reason.startswith(reason) for each in conversion.quarantined] == [True]
    assert len(conversion.readings) == 1


def converted(*results: str, specimen: str = "S1", source: Source = SOURCE) -> Conversion:
    return convert(framed(message("P|1", f"O|1|{specimen}", *results)), source, AT, 7)


def test_a_result_in_fhir() -> None:
    conversion = converted(row("^^^GLU", "5.4", unit="mmol/L", range="3.5-5.1"))
    assert conversion.patients == ("Patient?_has:Specimen:patient:identifier=urn:s|S1",)
    (observation,) = charted(conversion)
    assert observation["category"][0]["coding"][0]["code"] == "laboratory"
    assert observation["specimen"] == {"identifier": {"system": "urn:s", "value": "S1"}}
    (limits,) = observation["referenceRange"]
    assert limits["text"] == "3.5-5.1"
    assert "type" not in limits, "what is normal, and no limits of an alarm"
    assert (limits["high"]["value"], limits["high"]["code"]) == (Decimal("5.1"), "mmol/L")


def test_the_analyzers_codes_get_loinc_by_rows_of_their_own(tmp_path: Path) -> None:
    """DEV-10: `own` rows of a mapping; what is impossible by them is quarantined (DEV-09)."""
    file = tmp_path / "own.yaml"
    file.write_text(
        'name: x\nversion: "1"\nown:\n  GLU:\n    loinc: [{code: 2345-7, display: Glucose}]\n'
        '    ucum: mg/dL\n    possible: ["0", "2000"]\n',
        "utf-8",
    )
    source = replace(SOURCE, mapping=str(file))
    rows = (row("^^^GLU", "90", unit="mg/dL"), row("^^^GLU^2", "9000", unit="mg/dL"))
    conversion = converted(*rows, source=source)
    (observation,) = charted(conversion)
    codes = [(each["system"], each["code"]) for each in observation["code"]["coding"]]
    assert codes == [("http://loinc.org", "2345-7"), ("urn:x", "GLU")]
    assert "GLU is not within 0 to 2000 mg/dL" in conversion.quarantined[0].reason


def test_specimens_are_told_apart() -> None:
    """DEV-24: a run of many specimens has one time of completion and one code."""
    at = {"completed": "20260506063000"}
    one, other = (converted(row("^^^G", **at), specimen=name) for name in ("S1", "S2"))
    assert identifiers(one) != identifiers(other)
    assert identifiers(one) == identifiers(converted(row("^^^G", "2", **at)))


def charted(conversion: Conversion) -> list[Any]:
    assert conversion.bundle is not None
    found = [entry["resource"] for entry in conversion.bundle["entry"]]
    return [each for each in found if each["resourceType"] == "Observation"]


def identifiers(conversion: Conversion) -> list[Any]:
    return [each["identifier"] for each in charted(conversion)]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        pytest.param(Source("lab"), "numbers have no URI", id="specimens without a URI"),
        pytest.param(
            Source("lab", systems=SOURCE.systems, specimen_component=2),
            "no identifier of a person",
            id="nothing at all",
        ),
    ],
)
def test_whose_it_is_is_never_guessed(source: Source, reason: str) -> None:
    held = converted(row("^^^G"), source=source).held
    assert held is not None
    assert reason in held


@pytest.mark.parametrize(
    ("file", "results", "first"),
    [
        ("cobas_c111", 1, ("413", "40.13", "g/L", "2023-08-03T13:17:00+00:00")),
        ("dca_vantage", 3, ("Alb", "63.7", "mg/L", "2024-08-20T15:10:30+00:00")),
        ("sysmex_xp100", 20, ("WBC", "5.5", "10*3/uL", "2024-07-23T17:24:52+00:00")),
    ],
)
def test_real_transmissions(
    test_data: Path, file: str, results: int, first: tuple[str, ...]
) -> None:
    raw = (test_data / f"devices/astm-analyzers/{file}.txt").read_bytes()
    found = [each for each in measurements(raw, Source("lab"), 1) if isinstance(each, Reading)]
    assert len(found) == results
    value, time = found[0].value, found[0].time
    assert isinstance(value, Quantity)
    assert value.unit is not None
    assert time is not None
    assert (found[0].codes[0].code, value.text, value.unit.code, time.text) == first


def test_what_is_no_astm_is_kept_as_a_dead_letter(test_data: Path) -> None:
    with pytest.raises(AstmError):
        list(records((test_data / "devices/astm-analyzers/mini_vidas.txt").read_bytes(), "utf-8"))
