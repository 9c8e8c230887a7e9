"""Messages that real devices and products sent, field by field.

    handle, code, value as sent, unit, reason of absence, status, flags, time, devices, range

Devices are written outermost first as number=code; a level that is only numbered has no code.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from fhirserver_device_bridge.protocols.hl7v2.message import parse
from fhirserver_device_bridge.protocols.hl7v2.pcd01 import decode
from fhirserver_device_bridge.reading import MDC, Coding, Quantity, Reading
from fhirserver_device_bridge.source import Source
from tests.device_bridge.messages import converted

Row = tuple[str, str, str, str, str, str]


@dataclass(frozen=True)
class Expected:
    """One message.

    Attributes:
        sent, time: of the message; of every reading, or of each by its handle.
        patient, location, device: of every reading.
        status, flags: of every reading.
        devices: of each reading in order.
        rows: handle, code, name, value, unit, range of each reading.
    """

    sent: str
    time: str | dict[str, str]
    patient: tuple[str, ...]
    location: tuple[str | None, ...] | None
    device: str
    rows: tuple[Row, ...]
    devices: tuple[str, ...]
    status: str = "preliminary"
    flags: frozenset[str] = frozenset()
    offset_known: bool = True


_BPM, _PERCENT, _MMHG = "264864", "262688", "266016"
_EUI64 = "urn:oid:1.2.840.10004.1.1.1.0.0.1.0.0.1.2680"

WILD = {
    "01_ge_b40_cyrillic_pcd01.hl7": Expected(
        sent="2023-03-09T14:39:00+00:00",
        time="2023-03-09T14:39:00+00:00",
        patient=("PID|3499999|MR",),
        location=("X", None, "443EC", None),
        device="B40_GE|080019FFFE1443EC",
        rows=(
            ("1.5.1.1", "147842", "MDC_ECG_HEART_RATE", "68", _BPM, ""),
            ("1.11.1.1", "151712", "MDC_CONC_AWAY_CO2_EXP", "1", _MMHG, ""),
            ("1.11.1.2", "151716", "MDC_CONC_AWAY_CO2_INSP", "1", _MMHG, ""),
            ("1.22.1.1", "149530", "MDC_PULS_OXIM_PULS_RATE", "67", _BPM, ""),
            ("1.22.1.2", "150456", "MDC_PULS_OXIM_SAT_O2", "97", _PERCENT, ""),
        ),
        devices=(
            "1=69965 5=69798 1=",
            "1=69965 11=69766 1=",
            "1=69965 11=69766 1=",
            "1=69965 22=69642 1=",
            "1=69965 22=69642 1=",
        ),
        offset_known=False,
    ),
    "02_acme_gateway_ucum_nibp.hl7": Expected(
        sent="2011-06-02T05:00:00+00:00",
        time="2011-06-02T04:58:42+00:00",
        patient=("NIST|HO2009001|PI",),
        location=("HO Surgery", "OR", "1", None),
        device="GATEWAY_ACME|080019FFFE3ED02D172.16.172.135",
        rows=(
            ("1.1.1.1", "150021", "MDC_PRESS_BLD_NONINV_SYS", "120", "mm[Hg]", ""),
            ("1.1.1.2", "150022", "MDC_PRESS_BLD_NONINV_DIA", "80", "mm[Hg]", ""),
            ("1.1.1.3", "150023", "MDC_PRESS_BLD_NONINV_MEAN", "93", "mm[Hg]", ""),
            ("1.1.1.4", "149546", "MDC_PULS_RATE_NON_INV", "63", "{beat}/min", ""),
        ),
        devices=("1=69965 1=70686 1=70687",) * 4,
    ),
    "03_mindray_vs900_demo.hl7": Expected(
        sent="2020-02-12T12:55:41+00:00",
        time={
            "1.3.1": "2020-02-12T12:55:41+00:00",
            "1.1.9": "2020-02-12T12:50:08+00:00",
        },
        patient=("Hospital|2eefgghy|PI",),
        location=("INTER", None, "1", "1"),
        device=f"{_EUI64}|00A0370098006640",
        rows=(
            ("1.3.1.150456", "150456", "MDC_PULS_OXIM_SAT_O2", "100", _PERCENT, ""),
            ("1.3.1.149530", "149530", "MDC_PULS_OXIM_PULS_RATE", "80", _BPM, ""),
            ("1.3.1.150488", "150488", "MDC_BLD_PERF_INDEX", "12.00", _PERCENT, ""),
            ("1.1.9.150301", "150301", "MDC_PRESS_CUFF_SYS", "166", _MMHG, ""),
            ("1.1.9.150303", "150303", "MDC_PRESS_CUFF_MEAN", "122", _MMHG, ""),
            ("1.1.9.150302", "150302", "MDC_PRESS_CUFF_DIA", "100", _MMHG, ""),
        ),
        devices=("1= 3= 1=",) * 3 + ("1= 1= 9=",) * 3,
        flags=frozenset({"demo"}),
        offset_known=False,
    ),
    "06_mindray_egateway_private_codes.hl7": Expected(
        sent="2026-09-12T12:00:00.0000+05:30",
        time="2026-09-12T12:00:00.0000+05:30",
        patient=(),
        location=("ICU", None, "5", "XYZ HOSPITAL"),
        device=f"{_EUI64}|000F14049B507238",
        rows=(
            ("1.3.1.150456", "150456", "MDC_PULS_OXIM_SAT_O2", "98", _PERCENT, ""),
            ("1.3.1.149530", "149530", "MDC_PULS_OXIM_PULS_RATE", "65", _BPM, ""),
            ("1.3.1.151658", "151658", "MDC_PULS_OXIM_PLETH_RESP_RATE", "19", "264928", ""),
            ("1.7.2.108", "99MNDRY|108", "MNDRY_ECG_PAUSE_RATE", "0", _BPM, ""),
            ("1.7.2.148216", "148216", "MDC_ECG_SV_BEATS", "0", "262656", ""),
            ("1.7.4.147842", "147842", "MDC_ECG_HEART_RATE", "66", _BPM, ""),
        ),
        devices=("1= 3= 1=",) * 3 + ("1= 7= 2=",) * 2 + ("1= 7= 4=",),
    ),
    "09_philips_mx500_fhir_mapped.hl7": Expected(
        sent="2021-04-25T23:03:32.872-04:00",
        time="2021-04-25T23:03:31.496-04:00",
        patient=("Philips|12345|MR", "Philips|6789|VN"),
        location=("My Unit", None, "Bed1", "Institution"),
        device="|7f2586c7-0506-46cd-a612-d8e75b838faa-IntelliVue MX500 - 866064",
        rows=(
            ("1.2.1.1", "147842", "MDC_ECG_CARD_BEAT_RATE", "60", _BPM, "50-120"),
            ("1.2.4.20", "184327", "MDC_ECG_STAT_RHY", "MDC_ECG_PACED_RHY", "", ""),
        ),
        devices=("1=69965 2=70666 1=70739", "1=69965 2=70666 4="),
        status="final",
    ),
    "10_nist_pulse_ox_dual_coded.hl7": Expected(
        sent="2012-05-30T11:23:45+00:00",
        time="2012-05-30T11:23:40+00:00",
        patient=("NIST|HO2009001|PI",),
        location=("ICU", "2", "23", None),
        device=f"{_EUI64}|0123456789ABCDEF",
        rows=(
            ("1.11.2.3", "149530", "MDC_PULS_OXIM_PULS_RATE", "55", "{beats}/min", "35-125"),
        ),
        devices=("1= 11= 2=",),
        offset_known=False,
    ),
}  # fmt: skip


def readings(folder: Path, name: str) -> list[Reading]:
    raw = (folder / "devices/pcd-wild" / name).read_bytes()
    found = decode(parse(raw), Source("wild"), 1)
    assert all(isinstance(reading, Reading) for reading in found)
    return [reading for reading in found if isinstance(reading, Reading)]


@pytest.mark.parametrize("name", WILD)
def test_metrics(test_data: Path, name: str) -> None:
    told = [
        (
            reading.handle,
            _code(reading.codes[0]),
            reading.codes[0].display,
            *_value(reading),
            reading.range or "",
        )
        for reading in readings(test_data, name)
    ]
    assert told == list(WILD[name].rows)


@pytest.mark.parametrize("name", WILD)
def test_what_is_around_them(test_data: Path, name: str) -> None:
    expected = WILD[name]
    for reading in readings(test_data, name):
        assert reading.sent is not None
        assert reading.time is not None
        assert reading.sent.text == expected.sent
        assert reading.time.text == _time(expected.time, reading.handle)
        assert reading.time.offset_known == expected.offset_known
        assert not reading.timed_by_message
        patient = tuple(f"{each.system}|{each.value}|{each.type}" for each in reading.patient)
        assert patient == expected.patient
        place = reading.location
        assert place is not None
        assert (place.point_of_care, place.room, place.bed, place.facility) == expected.location
        assert (reading.status, reading.flags) == (expected.status, expected.flags)
        assert (reading.absent, reading.interpretation) == (None, ())
        (owner,) = reading.path[0].identifiers
        assert f"{owner.system}|{owner.value}" == expected.device


@pytest.mark.parametrize("name", WILD)
def test_devices(test_data: Path, name: str) -> None:
    told = [
        " ".join(
            f"{level.number}={level.code.code if level.code else ''}" for level in reading.path
        )
        for reading in readings(test_data, name)
    ]
    assert told == list(WILD[name].devices)


def test_what_only_one_of_them_says(test_data: Path) -> None:
    (pulse,) = readings(test_data, "10_nist_pulse_ox_dual_coded.hl7")
    assert pulse.codes[1] == Coding("http://loinc.org", "8889-8", "Heart Rate by Oximetry")
    assert pulse.method == Coding(MDC, "AMEAS", "auto-measurement")
    assert pulse.body_site == Coding("http://snomed.info/sct", "49521004", "left ear structure")
    assert pulse.notes == ("This is a comment about pulse",)
    cuff = readings(test_data, "03_mindray_vs900_demo.hl7")[3]
    assert cuff.method == Coding("", "", "APERIODIC")
    heart, _ = readings(test_data, "09_philips_mx500_fhir_mapped.hl7")
    assert [each.value for each in heart.path[1].identifiers] == ["XW25200213"]


def test_coverage(test_data: Path) -> None:
    """Only private codes have no row in the shipped mapping."""
    unmapped = {
        coding.display
        for name in WILD
        for coding in converted((test_data / "devices/pcd-wild" / name).read_bytes()).unmapped
    }
    assert unmapped == {"MNDRY_ECG_PAUSE_RATE"}


def test_every_message_of_the_collection_is_asserted(test_data: Path) -> None:
    names = {path.name for path in (test_data / "devices/pcd-wild").glob("*.hl7")}
    alarms = {name for name in names if "pcd04" in name}
    assert names - alarms == set(WILD)
    # tests/device_bridge/protocols/hl7v2/test_pcd04.py has these.
    assert len(alarms) == 2


def _code(coding: Coding) -> str:
    return coding.code if coding.system == MDC else f"{coding.system}|{coding.code}"


def _value(reading: Reading) -> tuple[str, str]:
    if isinstance(reading.value, Quantity):
        assert str(reading.value.value) == reading.value.text
        return reading.value.text, reading.value.unit.code if reading.value.unit else ""
    return str(reading.value), ""


def _time(expected: str | dict[str, str], handle: str) -> str:
    if isinstance(expected, str):
        return expected
    return expected[handle.rpartition(".")[0]]
