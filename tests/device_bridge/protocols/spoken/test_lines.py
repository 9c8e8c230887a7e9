"""A line becomes what its layout says of it, or says why not. DEV-21, DEV-29 for layouts."""

from __future__ import annotations

import binascii
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from fhirserver_device_bridge.config.document import ConfigError
from fhirserver_device_bridge.convert import Conversion, convert
from fhirserver_device_bridge.protocols.spoken.checksums import checksum
from fhirserver_device_bridge.protocols.spoken.layouts import line_layout_of
from fhirserver_device_bridge.protocols.spoken.recording import LINE, Spoken, write
from fhirserver_device_bridge.reading import Coded, Quantity, Reading
from fhirserver_device_bridge.source import Source

AT = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
RECEIVED = "2026-05-04T10:00:00.000000+00:00"
LAYOUT = """\
name: acme
version: "1"
kind: {code: "528388"}
ignore: "^(#|READY)"
forms:
- separator: ","
  when: {1: OX}
  time: {fields: [2, 3], format: "%d.%m.%Y %H:%M:%S"}
  patient: 6
  measures:
  - {field: 4, code: {code: "150456"}, unit: "%", absent: ["--"]}
  - {field: 5, code: {code: m, system: "urn:a"}, states: {A: {code: auto, system: "urn:a"}}}
- pattern: 'weight +(?P<weight>[^ ]+) kg'
  measures:
  - {field: weight, code: {code: "188736"}, unit: kg}
- pattern: '^note (.*)'
  measures:
  - {field: 1, code: {code: note, system: "urn:acme"}}
"""
SOURCE = Source(
    "line",
    device=("urn:serial", "L-1"),
    zone=ZoneInfo("Europe/Berlin"),
    sentinels=frozenset({"-1"}),
    systems=(("device-user", "urn:user"), ("patient", "urn:mrn")),
)


def converted(folder: Path, layout: str, line: bytes) -> Conversion:
    file = folder / "layout.yaml"
    file.write_text(layout, "utf-8")
    return convert(write(LINE, Spoken(AT, line)), replace(SOURCE, lines=str(file)), AT, 1)


def shown(reading: Reading) -> str:
    value = reading.value
    if isinstance(value, Coded):
        return value.codings[0].code
    if isinstance(value, Quantity):
        return " ".join(filter(None, (value.text, value.unit and value.unit.code)))
    return str(value or reading.absent)


READ = {
    "fields": (b"OX,04.05.2026,09:30:00,97,A,77", ["97 %", "auto"]),
    "spaces around them": (b"OX , 04.05.2026 , 09:30:00 , 97.0 , A ,", ["97.0 %", "auto"]),
    "a text that means none": (b"OX,04.05.2026,09:30:00,--,A,77", ["unknown", "auto"]),
    "a sentinel": (b"OX,04.05.2026,09:30:00,-1,A,77", ["unknown", "auto"]),
    "fields that are not sent": (b"OX,04.05.2026,09:30:00", ["unknown", "unknown"]),
    "a pattern": (b"\x02 weight  +72.50 kg", ["72.50 kg"]),
    "a text": (b"note cuff is loose", ["cuff is loose"]),
    "what is to be ignored": (b"# 1.0", []),
}


@pytest.mark.parametrize(
    ("line", "expected"), [pytest.param(*row, id=name) for name, row in READ.items()]
)
def test_a_line(tmp_path: Path, line: bytes, expected: list[str]) -> None:
    conversion = converted(tmp_path, LAYOUT, line)
    assert list(map(shown, conversion.readings)) == expected
    assert (conversion.rejected, conversion.quarantined) == (None, ())


def test_whose_and_when(tmp_path: Path) -> None:
    line = b"OX,04.05.2026,09:30:00,97,A,77"
    in_zone, without = (
        converted(tmp_path, LAYOUT, each).readings[0] for each in (line, b"weight 70.0 kg")
    )
    assert in_zone.time is not None
    assert in_zone.time.text == "2026-05-04T09:30:00+02:00"
    assert (in_zone.patient[0].system, in_zone.patient[0].value) == ("urn:mrn", "77")
    assert without.time is not None
    assert without.time.text == RECEIVED
    assert (without.patient[0].system, without.patient[0].value) == ("urn:user", "L-1")


NOT_READ = {
    "no form": (b"HR 72", "no form of the layout fits"),
    "not of the character set": (b"weight 70.0 kg \xff", "character_set"),
}
QUARANTINED = {
    "no number": (b"weight heavy kg", "no number"),
    "thousands": (b"weight 1,072.5 kg", "no number"),
    "an unknown state": (b"OX,04.05.2026,09:30:00,97,Z,77", "`states`"),
    "a time that is none": (b"OX,31.02.2026,09:30:00,97,A,77", "the layout's format"),
}


@pytest.mark.parametrize(
    ("line", "reason"), [pytest.param(*row, id=name) for name, row in NOT_READ.items()]
)
def test_what_cannot_be_read_is_a_dead_letter(tmp_path: Path, line: bytes, reason: str) -> None:
    assert reason in str(converted(tmp_path, LAYOUT, line).rejected)


@pytest.mark.parametrize(
    ("line", "reason"), [pytest.param(*row, id=name) for name, row in QUARANTINED.items()]
)
def test_what_must_not_be_charted_is_quarantined(tmp_path: Path, line: bytes, reason: str) -> None:
    assert reason in converted(tmp_path, LAYOUT, line).quarantined[0].reason


SUMS = {
    "xor": "31",
    "sum": "DD",
    "complement": "23",
    "crc16": "29B1",
    "crc16-modbus": "4B37",
}
"""Of "123456789": the catalogue's check values of the two CRCs, and sums by hand."""

CHECKED = """\
name: acme
version: "1"
start: "$"
checksum: {{kind: {kind}, mark: "*"}}
decimal: ","
forms:
- separator: ";"
  measures:
  - {{field: 1, code: {{code: "188736"}}, unit: kg}}
"""


@pytest.mark.parametrize(("kind", "digits"), SUMS.items())
def test_checksums(tmp_path: Path, kind: str, digits: str) -> None:
    assert checksum(kind, b"123456789").decode("ascii") == digits
    layout = CHECKED.format(kind=kind)
    good = checksum(kind, b"72,5;x")
    whole = converted(tmp_path, layout, b"no\xffise$7$72,5;x*" + good.lower() + b" ")
    assert list(map(shown, whole.readings)) == ["72.5 kg"]
    changed = converted(tmp_path, layout, b"$72,6;x*" + good)
    assert changed.rejected == "the checksum is that of another line"
    without = converted(tmp_path, layout, b"$72,5;x" + good)
    assert "no checksum" in str(without.rejected)


def test_crc16_is_that_of_the_library() -> None:
    assert checksum("crc16", b"72,5;x") == b"%04X" % binascii.crc_hqx(b"72,5;x", 0xFFFF)


FAULTS = {
    "a unit": ("unit: kg", "unit: kilos", 15, "no unit of UCUM"),
    "a pattern": ("weight +(?P", "weight +((?P", 13, "no regular expression"),
    "a field of no group": ("field: weight", "field: mass", 15, "no such field"),
    "a name for a separator": ("patient: 6", "patient: name", 9, "no such field"),
    "a time without a day": ("%d.%m.%Y ", "", 8, "year, month, day"),
    "an unknown key": ("ignore:", "skip:", 4, "'skip'"),
}


@pytest.mark.parametrize(
    ("old", "new", "line", "words"), [pytest.param(*row, id=name) for name, row in FAULTS.items()]
)
def test_a_fault_of_a_layout_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    file = tmp_path / "layout.yaml"
    assert old in LAYOUT
    file.write_text(LAYOUT.replace(old, new), "utf-8")
    with pytest.raises(ConfigError) as refused:
        line_layout_of(file)
    assert f"layout.yaml:{line}:" in str(refused.value)
    assert words in str(refused.value)
