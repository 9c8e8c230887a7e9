"""Registers become readings, by a map; a map that is wrong names its line. DEV-08, 20, 29."""

from __future__ import annotations

import itertools
import struct
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from fhirserver_device_bridge.config.document import ConfigError
from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.protocols.modbus.frames import Block
from fhirserver_device_bridge.protocols.modbus.layouts import layout_of
from fhirserver_device_bridge.protocols.modbus.plan import blocks
from fhirserver_device_bridge.protocols.modbus.recording import Polled, Recording, write
from fhirserver_device_bridge.protocols.modbus.staleness import Staleness
from fhirserver_device_bridge.reading import Coded, Quantity, Reading
from fhirserver_device_bridge.source import Source

NOW = datetime(2026, 5, 4, 10, 0, 0, 250_000, tzinfo=UTC)
HEAD = "name: vent\nversion: '1'\n"
RATE = "code: {code: '151562', display: MDC_RESP_RATE}"


def file(folder: Path, text: str) -> Path:
    made = folder / "map.yaml"
    made.write_text(HEAD + text, "utf-8")
    return made


def source(folder: Path, text: str) -> Source:
    return Source(
        "vent7",
        registers=str(file(folder, text)),
        device=("urn:serial", "V-7"),
        systems=(("device-user", "urn:user"),),
    )


def converted(folder: Path, text: str, *polled: Polled, stale: bool = False) -> Conversion:
    raw = write(Recording(NOW, polled, stale))
    return convert(raw, source(folder, text), NOW, 5)


def only(conversion: Conversion) -> Reading:
    (reading,) = conversion.readings
    return reading


def of_words(raw: bytes, words: str, order: str) -> tuple[int, ...]:
    """Lay big-endian bytes into registers as a device does that orders them so."""
    registers = [raw[at : at + 2] for at in range(0, len(raw), 2)]
    if words == "little":
        registers.reverse()
    return tuple(int.from_bytes(each, order) for each in registers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "packed", "value"),
    [
        pytest.param("int16", struct.pack(">h", -421), "-421", id="int16"),
        pytest.param("uint16", struct.pack(">H", 65115), "65115", id="uint16"),
        pytest.param("int32", struct.pack(">i", -70_001), "-70001", id="int32"),
        pytest.param("uint32", struct.pack(">I", 4_000_000_001), "4000000001", id="uint32"),
        pytest.param("int64", struct.pack(">q", -(2**40) - 1), "-1099511627777", id="int64"),
        pytest.param("uint64", struct.pack(">Q", 2**63 + 3), "9223372036854775811", id="uint64"),
        pytest.param("float32", struct.pack(">f", 36.6), "36.6", id="float32"),
        pytest.param("float64", struct.pack(">d", 0.1), "0.1", id="float64"),
    ],
)
@pytest.mark.parametrize(("words", "order"), [*itertools.product(("big", "little"), repeat=2)])
def test_types_and_orders(
    tmp_path: Path, kind: str, packed: bytes, value: str, words: str, order: str
) -> None:
    """Each type in each order of words and bytes; the digits are those of the number."""
    written = f"type: {kind}, words: {words}, bytes: {order}"
    text = f"measures:\n- {{{RATE}, table: input, address: 3, {written}}}\n"
    registers = of_words(packed, words, order)
    found = only(converted(tmp_path, text, Polled("input", 3, registers))).value
    assert isinstance(found, Quantity)
    assert found.text == value
    assert str(found.value) == value


MEASURE = "measures:\n- {" + RATE + ", table: holding, address: 7, "


@pytest.mark.parametrize(
    ("text", "register", "value", "absent"),
    [
        pytest.param("scale: '0.1', unit: /min}", 150, "15.0", None, id="digits of the scale"),
        pytest.param("scale: '0.01', offset: '-40'}", 7660, "36.60", None, id="offset"),
        pytest.param("type: int16, absent: [0x8000]}", 0x8000, None, "unknown", id="sentinel"),
        pytest.param("absent: [0, 65535]}", 0, None, "unknown", id="one of several"),
        pytest.param("absent: [0]}", 1, "1", None, id="no sentinel"),
    ],
)
def test_numbers(
    tmp_path: Path, text: str, register: int, value: str | None, absent: str | None
) -> None:
    reading = only(
        converted(tmp_path, MEASURE + text, Polled("holding", 0, (0,) * 7 + (register,)))
    )
    shown = reading.value.text if isinstance(reading.value, Quantity) else None
    assert (shown, reading.absent) == (value, absent)
    assert (reading.handle, reading.codes[0].code) == ("holding.7", "151562")


@pytest.mark.parametrize(
    ("number", "absent"),
    [
        pytest.param("nan", "not-a-number"),
        pytest.param("inf", "positive-infinity"),
        pytest.param("-inf", "negative-infinity"),
    ],
)
def test_floats_that_are_no_numbers(tmp_path: Path, number: str, absent: str) -> None:
    text = f"measures:\n- {{{RATE}, table: input, address: 0, type: float32}}\n"
    registers = of_words(struct.pack(">f", float(number)), "big", "big")
    reading = only(converted(tmp_path, text, Polled("input", 0, registers)))
    assert (reading.value, reading.absent) == (None, absent)


BITS = MEASURE + "bits: {0: {code: '196614'}, 3: {system: 'urn:a', code: apnea}}}\n"


def test_bits_are_answers_of_their_own(tmp_path: Path) -> None:
    found = converted(tmp_path, BITS, Polled("holding", 7, (0b1000,))).readings
    answers = {
        (each.codes[0].code, each.handle): each.value.codings[0].code
        for each in found
        if isinstance(each.value, Coded)
    }
    assert answers == {("196614", "holding.7.0"): "N", ("apnea", "holding.7.3"): "Y"}


def test_states_are_concepts_and_others_are_not_guessed(tmp_path: Path) -> None:
    text = MEASURE + "states: {2: {system: 'urn:mode', code: CPAP}}}\n"
    value = only(converted(tmp_path, text, Polled("holding", 7, (2,)))).value
    assert isinstance(value, Coded)
    assert value.codings[0].code == "CPAP"
    (rejected,) = converted(tmp_path, text, Polled("holding", 7, (3,))).quarantined
    assert "states" in rejected.reason


def test_a_coil_is_a_yes_or_no(tmp_path: Path) -> None:
    text = "first_address: 1\nmeasures:\n- {" + RATE + ", table: coil, address: 5}\n"
    value = only(converted(tmp_path, text, Polled("coil", 4, (1,)))).value
    assert isinstance(value, Coded)
    assert value.codings[0].code == "Y"


@pytest.mark.parametrize(
    ("polled", "stale", "absent"),
    [
        pytest.param(Polled("holding", 7, exception=2), False, "error", id="refused"),
        pytest.param(Polled("holding", 7, (1,)), True, "temp-unknown", id="stale"),
    ],
)
def test_what_a_device_does_not_tell_is_absent(
    tmp_path: Path, polled: Polled, stale: bool, absent: str
) -> None:
    reading = only(converted(tmp_path, MEASURE + "scale: '1'}", polled, stale=stale))
    assert (reading.value, reading.absent) == (None, absent)


def test_what_is_charted(tmp_path: Path) -> None:
    text = "kind: {code: '70001'}\nmodel: V5\n" + MEASURE + "unit: /min}"
    conversion = converted(tmp_path, text, Polled("holding", 7, (15,)))
    assert conversion.patients == ("Patient?identifier=urn:user|V-7",)
    assert conversion.bundle is not None
    made = {
        each["resource"]["resourceType"]: each["resource"] for each in conversion.bundle["entry"]
    }
    observation = made["Observation"]
    assert observation["effectiveDateTime"] == "2026-05-04T10:00:00.250+00:00"
    assert observation["valueQuantity"] == {
        "value": Decimal(15),
        "unit": "/min",
        "system": "http://unitsofmeasure.org",
        "code": "/min",
    }
    assert made["Device"]["identifier"] == [{"system": "urn:serial", "value": "V-7"}]
    assert made["Device"]["modelNumber"] == "V5"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param(MEASURE + "colour: red}", 4, "'colour' was unexpected", id="unknown key"),
        pytest.param(MEASURE + "type: int24}", 4, "is not one of", id="unknown type"),
        pytest.param(MEASURE + "unit: furlong}", 4, "no unit of UCUM", id="unit"),
        pytest.param(MEASURE + "type: bool}", 4, "registers are not", id="a register is no bit"),
        pytest.param(MEASURE + "scale: '0.0'}", 4, "is not 0", id="scale"),
        pytest.param(MEASURE + "bits: {16: {code: x}}}", 4, "within", id="no such bit"),
        pytest.param(
            "first_address: 1\nmeasures:\n- {" + RATE + ", table: coil, address: 0}",
            5,
            "65536 addresses",
            id="before the first",
        ),
        pytest.param("measures: []", 3, "should be non-empty", id="nothing"),
    ],
)
def test_a_map_that_is_wrong(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        layout_of(str(file(tmp_path, text)))
    assert f"map.yaml:{line}: " in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("spans", "planned"),
    [
        pytest.param([(0, 1), (1, 2)], [(0, 3)], id="neighbours"),
        pytest.param([(9, 1), (0, 1)], [(0, 10)], id="a gap that is cheaper than a request"),
        pytest.param([(0, 1), (10, 1)], [(0, 1), (10, 1)], id="too far"),
        pytest.param([(0, 2), (1, 1)], [(0, 2)], id="one within another"),
        pytest.param(
            [(at, 2) for at in range(0, 140, 2)], [(0, 124), (124, 16)], id="whole values, 125"
        ),
    ],
)
def test_plans(
    tmp_path: Path, spans: list[tuple[int, int]], planned: list[tuple[int, int]]
) -> None:
    types = {1: "int16", 2: "int32"}
    rows = [
        f"- {{code: {{code: '{at}'}}, table: input, address: {at}, type: {types[width]}}}"
        for at, width in spans
    ]
    layout = layout_of(str(file(tmp_path, "\n".join(["measures:", *rows]))))
    assert blocks(layout) == [Block("input", *each) for each in planned]


def test_a_heartbeat_that_stands_still_makes_values_stale(tmp_path: Path) -> None:
    text = "heartbeat: {table: holding, address: 9, stale_s: 3}\n" + MEASURE + "scale: '1'}"
    layout = layout_of(str(file(tmp_path, text)))
    assert blocks(layout) == [Block("holding", 7, 3)]
    watched = Staleness(layout.heartbeat)
    beats = ((0, 5), (2, 5), (3, 5), (4, 6), (6, 6), (7, 6))
    stale = [watched.is_stale((Polled("holding", 7, (0, 0, beat)),), at) for at, beat in beats]
    assert stale == [False, False, True, False, False, True]


@pytest.mark.parametrize("raw", [b"modbus\0\1", b"modbus\0\1{}", b'modbus\0\1{"at":1,"blocks":[]}'])
def test_a_recording_that_is_none_is_a_dead_letter(tmp_path: Path, raw: bytes) -> None:
    assert convert(raw, source(tmp_path, MEASURE + "scale: '1'}"), NOW, 1).rejected is not None
