"""Whatever comes in at a port: it is converted, held or rejected, and never anything else."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fhirserver_device_bridge.convert import Conversion
from fhirserver_device_bridge.fhir.json_text import decode, encode
from fhirserver_device_bridge.protocols.spoken.layouts import line_layout_of
from fhirserver_device_bridge.protocols.spoken.recording import LINE, NONIN, Spoken, write
from fhirserver_device_bridge.source import Source
from tests.device_bridge.messages import converted, obx, oru
from tests.device_bridge.nonin import packet
from tests.device_bridge.v2fhir.feed import SOURCE, message
from tests.device_bridge.v2fhir.samples import FULL, LAB, OTHERS

_WAVE = obx("131329^MDC_ECG_ELEC_POTL_I^MDC", "1.1.1.9", "1^-2.50^^32767", kind="NA")
_RATE = obx("0^MDC_ATTR_SAMP_RATE^MDC", "1.1.1.9.1", "250", unit="264608^x^MDC")
_SEEDS = [
    oru(obx(f7="50-120", f8="DEMO~H", f14="20260504095959+0000"), "NTE|1||a~b"),
    oru(_WAVE, _RATE),
    oru("OBX|1||69965^M^MDC|1.0.0.0", obx(kind="CWE", value="1^a^MDC^2^b^L^^^t"), obx(kind="SN")),
]
_AT = datetime(2026, 5, 4, 10, tzinfo=UTC)
_SPOKEN = [
    write(NONIN, Spoken(_AT, packet(72, 97))),
    *(write(LINE, Spoken(_AT, each)) for each in (b"OX,97,77,20260504095959", b"note \x02 loose ")),
]
_LAYOUT = """\
name: any
version: "1"
forms:
- separator: ","
  when: {1: OX}
  time: {fields: [4], format: "%Y%m%d%H%M%S"}
  patient: 5
  measures:
  - {field: 2, code: {code: "150456"}, unit: "%"}
  - {field: 3, code: {code: p, system: "urn:a"}}
- pattern: "^note (.*)"
  measures:
  - {field: 1, code: {code: n, system: "urn:a"}}
"""
_PIECES = [b"|", b"^", b"~", b"\\", b"&", b"\r", b"\x00", b"\xff", b'""', b"\\XFF\\", b"NA", b"SN"]
_PIECES += [b"1.0.0.0", b"0", b"-", b"99999999999999999999", b"20261025023000", b"UNICODE", b"OBX|"]
_MAPPED = [message("ADT^A01", *FULL), message("ORU^R01", *LAB)]
_MAPPED += [message(kind, *rows) for kind, rows in OTHERS.items()]


@st.composite
def _damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    raw = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(raw)))
        end = draw(st.integers(start, min(len(raw), start + 12)))
        raw[start:end] = draw(st.one_of(st.sampled_from(_PIECES), st.binary(max_size=4)))
    return bytes(raw)


@given(st.one_of(_damaged(_SEEDS), st.binary(max_size=200)))
@example(b"MSH|^~\\&\r")
@example(oru(obx(place="0.0.0.0")))
@example(oru(obx(place="0")))
@example(oru(obx(unit="^^")))
@example(oru("OBX", "NTE", "OBR", "PID"))
@example(
    oru(obx(value=r" \X00\x ", kind="ST"), obx("A  B^ ^L", "1.1.1.2"), obx(place="7", f8=" H^x"))
)
def test_any_bytes_have_an_answer(raw: bytes) -> None:
    _has_an_answer(converted(raw))


@given(_damaged(_MAPPED))
def test_any_message_that_is_mapped_has_an_answer(raw: bytes) -> None:
    _has_an_answer(converted(raw, SOURCE))


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """A source whose device prints lines; packets of Nonin are read by it, too."""
    file = tmp_path_factory.mktemp("lines") / "layout.yaml"
    file.write_text(_LAYOUT, "utf-8")
    line_layout_of(file)
    systems = (("device-user", "urn:user"), ("patient", "urn:mrn"))
    return Source("s", device=("urn:serial", "1"), lines=str(file), systems=systems)


@given(raw=_damaged(_SPOKEN))
def test_any_recording_of_a_device_that_speaks_has_an_answer(speaking: Source, raw: bytes) -> None:
    _has_an_answer(converted(raw, speaking))


def _has_an_answer(conversion: Conversion) -> None:
    outcomes = (conversion.bundle, conversion.held, conversion.rejected)
    assert sum(outcome is not None for outcome in outcomes) <= 1
    if conversion.bundle is not None:
        text = encode(conversion.bundle)
        assert encode(decode(text)) == text
        _is_fhir(decode(text))


def _is_fhir(value: object) -> None:
    """No element of FHIR is empty, or has characters that it must not have."""
    assert value not in ("", [], {}, None)
    if isinstance(value, str):
        assert value == value.strip()
        assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", value)
    if isinstance(value, dict):
        assert re.fullmatch(r"\S+( \S+)*", value["code"] if _is_coding(value) else "x")
        assert re.fullmatch(r"\S+", value.get("system", "x"))
        for part in value.values():
            _is_fhir(part)
    if isinstance(value, list):
        for part in value:
            _is_fhir(part)


def _is_coding(value: dict[str, object]) -> bool:
    return isinstance(value.get("code"), str)
