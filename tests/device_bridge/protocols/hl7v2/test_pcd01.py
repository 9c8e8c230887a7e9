"""PCD-01: what each field of a metric's row means."""

from dataclasses import replace
from decimal import Decimal

import pytest

from fhirserver_device_bridge.protocols.hl7v2.message import parse
from fhirserver_device_bridge.protocols.hl7v2.pcd01 import decode
from fhirserver_device_bridge.reading import (
    EUI64,
    MDC,
    Coded,
    Coding,
    Identifier,
    Location,
    Quantity,
    Reading,
    Rejected,
    Samples,
    Value,
)
from fhirserver_device_bridge.source import Source
from tests.device_bridge.messages import HOSPITAL, SATURATION, WARD, obx, oru

BEATS = Coding(MDC, "264864", "MDC_DIM_BEAT_PER_MIN")
V3 = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


def read(*segments: str, source: Source = WARD, **message: str) -> list[Reading | Rejected]:
    return decode(parse(oru(*segments, **message)), source, 7)


def only(*segments: str, source: Source = WARD, **message: str) -> Reading:
    (reading,) = read(*segments, source=source, **message)
    assert isinstance(reading, Reading), reading
    return reading


def test_every_field_of_a_metric() -> None:
    site = "49521004^left ear^SCT"
    row = obx(f7="50-120", f8="H", f14="20260504095959.5+0000", f17="1^auto^99M", f20=site)
    reading = only(row, "NTE|1||first~second", patient="P-7 ^^^HOSP^MR ~8^^^&1.2.3&ISO^VN")
    assert reading.source == "ward"
    assert reading.sequence == 7
    assert reading.codes == (Coding(MDC, "149530", "MDC_PULS_OXIM_PULS_RATE"),)
    assert reading.handle == "1.1.1.1"
    assert reading.value == Quantity(Decimal(61), "61", BEATS)
    assert reading.absent is None
    assert reading.status == "final"
    assert reading.range == "50-120"
    assert reading.interpretation == (Coding(V3, "H"),)
    assert reading.method == Coding("99M", "1", "auto")
    assert reading.body_site == Coding("http://snomed.info/sct", "49521004", "left ear")
    assert reading.notes == ("first", "second")
    assert reading.patient == (
        Identifier(HOSPITAL, "P-7", "MR"),
        Identifier("urn:oid:1.2.3", "8", "VN"),
    )
    assert reading.location == Location("ICU", "2", "B1")
    assert reading.time is not None
    assert reading.sent is not None
    assert reading.time.text == "2026-05-04T09:59:59.5+00:00"
    assert reading.sent.text == "2026-05-04T10:00:03+00:00"
    assert not reading.timed_by_message


@pytest.mark.parametrize(
    ("own", "order", "text", "by_message"),
    [
        pytest.param("20260504", "20260503", "2026-05-04", False, id="OBX-14"),
        pytest.param("", "20260503", "2026-05-03", False, id="OBR-7"),
        pytest.param("", "", "2026-05-04T10:00:03+00:00", True, id="MSH-7"),
    ],
)
def test_time_is_inherited(own: str, order: str, text: str, by_message: bool) -> None:
    reading = only(obx(f14=own), observed=order)
    assert reading.time is not None
    assert (reading.time.text, reading.timed_by_message) == (text, by_message)


def test_each_order_has_its_own_time() -> None:
    first, second = read(obx(), "OBR|2||||||20260501", obx(place="1.1.1.2"))
    assert isinstance(first, Reading)
    assert isinstance(second, Reading)
    assert first.time is not None
    assert second.time is not None
    assert second.time.text == "2026-05-01"
    assert first.time.text == "2026-05-04T10:00:00+00:00"


@pytest.mark.parametrize(
    ("kind", "sent", "value"),
    [
        pytest.param("NM", "2.0", Quantity(Decimal("2.0"), "2.0", BEATS), id="NM-keeps-digits"),
        pytest.param("NM", "-.5", Quantity(Decimal("-0.5"), "-.5", BEATS), id="NM-no-zero"),
        pytest.param("NM", "+7", Quantity(Decimal(7), "+7", BEATS), id="NM-plus"),
        pytest.param("SN", ">^300", Quantity(Decimal(300), "300", BEATS, ">"), id="SN-above"),
        pytest.param("SN", "<=^5", Quantity(Decimal(5), "5", BEATS, "<="), id="SN-at-most"),
        pytest.param("SN", "^5", Quantity(Decimal(5), "5", BEATS), id="SN-equal"),
        pytest.param("SN", "^1^:^128", "1 : 128", id="SN-ratio-is-text"),
        pytest.param("ST", "paced rhythm", "paced rhythm", id="ST"),
        pytest.param("TX", "one~two", "one\ntwo", id="TX-lines"),
        pytest.param(
            "CWE",
            "147^MDC_X^MDC^A^b^99Q^^^said",
            Coded((Coding(MDC, "147", "MDC_X"), Coding("99Q", "A", "b")), "said"),
            id="CWE-both-codings",
        ),
        pytest.param("CWE", "^only words", "only words", id="CWE-without-a-code"),
        pytest.param("IS", "ON", Coded((Coding("", "ON"),)), id="IS"),
    ],
)
def test_values(kind: str, sent: str, value: Value) -> None:
    assert only(obx(value=sent, kind=kind)).value == value


@pytest.mark.parametrize(
    ("flags", "letter", "value", "absent", "status", "marked"),
    [
        pytest.param("", "R", "61", None, "preliminary", set(), id="raw"),
        pytest.param("", "F", "61", None, "final", set(), id="final"),
        pytest.param("", "C", "61", None, "corrected", set(), id="correction"),
        pytest.param("", "W", "61", None, "entered-in-error", set(), id="wrong-patient"),
        pytest.param("", "", "61", None, "unknown", set(), id="no-status"),
        pytest.param("DEMO", "R", "61", None, "preliminary", {"demo"}, id="DEMO"),
        pytest.param("TEST", "R", "61", None, "preliminary", {"test"}, id="TEST"),
        pytest.param("QUES", "R", "61", None, "preliminary", {"questionable"}, id="QUES"),
        pytest.param("ALACT~H", "R", "61", None, "preliminary", {"alarm"}, id="ALACT"),
        pytest.param("INV", "X", "61", "error", "cancelled", {"invalid"}, id="INV"),
        pytest.param("NAV", "X", "", "temp-unknown", "cancelled", {"not-available"}, id="NAV"),
        pytest.param("BUSY", "X", "", "temp-unknown", "cancelled", {"ongoing"}, id="BUSY"),
        pytest.param("OFF", "X", "", "not-performed", "cancelled", set(), id="OFF"),
        pytest.param("NI", "R", "", "unknown", "preliminary", set(), id="NI"),
        pytest.param("", "X", "", "not-performed", "cancelled", set(), id="cancelled-empty"),
        pytest.param("", "R", "", "unknown", "preliminary", set(), id="empty"),
    ],
)
def test_worth_of_a_value(
    flags: str, letter: str, value: str, absent: str | None, status: str, marked: set[str]
) -> None:
    reading = only(obx(value=value, f8=flags, f11=letter))
    assert (reading.absent, reading.status, set(reading.flags)) == (absent, status, marked)
    assert (reading.value is None) == (absent is not None)


@pytest.mark.parametrize(("flag", "comparator"), [("<", "<"), (">", ">")])
def test_the_end_of_the_scale_is_a_comparator(flag: str, comparator: str) -> None:
    value = only(obx(f8=flag)).value
    assert isinstance(value, Quantity)
    assert value.comparator == comparator


@pytest.mark.parametrize("sent", ["-1", "-1.0", "32767", "-99.9"])
def test_sentinels_of_a_source_are_no_values(sent: str) -> None:
    source = replace(WARD, sentinels=frozenset({"-1", "32767", "-99.9"}))
    reading = only(obx(value=sent), source=source)
    assert (reading.value, reading.absent) == (None, "unknown")
    assert only(obx(value=sent)).value is not None


MDS = "OBX|1||69965^MDC_DEV_MON^MDC|1.0.0.0|||||||X|||||||AA11BB22CC33DD44^^AA11BB22CC33DD44^EUI-64"
VMD = "OBX|2||69798^MDC_DEV_ECG_VMD^MDC|1.5.0.0|||||||X"
CHANNEL = "OBX|3||70739^MDC_DEV_CHAN^MDC|1.5.1.0|||||||X"
MODEL = "OBX|4|ST|531969^MDC_ID_MODEL_NUMBER^MDC|1.0.0.0.1|MX-9||||||F"
SERIAL = "OBX|5|ST|0^MDC_ID_PROD_SPEC_SERIAL^MDC|1.5.0.0.1|S-77||||||F"


def test_containment() -> None:
    reading = only(MDS, VMD, CHANNEL, MODEL, SERIAL, obx(place="1.5.1.3"))
    system, virtual, channel = reading.path
    assert (system.kind, system.number, system.model) == ("mds", "1", "MX-9")
    assert system.code == Coding(MDC, "69965", "MDC_DEV_MON")
    assert system.identifiers == (Identifier(EUI64, "AA11BB22CC33DD44"),)
    assert (virtual.kind, virtual.number, virtual.serial_number) == ("vmd", "5", "S-77")
    assert virtual.code == Coding(MDC, "69798", "MDC_DEV_ECG_VMD")
    assert (channel.kind, channel.number) == ("channel", "1")
    assert channel.code == Coding(MDC, "70739", "MDC_DEV_CHAN")


@pytest.mark.parametrize(
    ("place", "levels"),
    [
        pytest.param("1.5.1.3", [("mds", "1"), ("vmd", "5"), ("channel", "1")], id="four"),
        pytest.param("1.3.1.149530", [("mds", "1"), ("vmd", "3"), ("channel", "1")], id="code"),
        pytest.param("1.5.1.3.2", [("mds", "1"), ("vmd", "5"), ("channel", "1")], id="facet"),
        pytest.param("1.5.0.3", [("mds", "1"), ("vmd", "5")], id="no-channel"),
        pytest.param("1.3.7", [("mds", "1"), ("vmd", "3")], id="three"),
        pytest.param("7", [("mds", "1")], id="one"),
    ],
)
def test_places(place: str, levels: list[tuple[str, str]]) -> None:
    reading = only(obx(place=place))
    assert [(level.kind, level.number) for level in reading.path] == levels
    assert reading.handle == place


SENDER = Identifier(EUI64, "0011223344556677")


@pytest.mark.parametrize(
    ("equipment", "identifier"),
    [
        pytest.param("", SENDER, id="MSH-3"),
        pytest.param("A1^^A1^EUI-64", Identifier(EUI64, "A1"), id="EUI-64"),
        pytest.param("A1^^^EUI-64", Identifier(EUI64, "A1"), id="EUI-64-as-entity"),
        pytest.param("^^A1^EUI64", Identifier(EUI64, "A1"), id="EUI-64-alone"),
        pytest.param("7^ROOM^1.2.3^ISO", Identifier("urn:oid:1.2.3", "7"), id="OID"),
        pytest.param("7^HOSP", Identifier(HOSPITAL, "7"), id="name-with-a-URI"),
        pytest.param("7^B40", Identifier("B40", "7"), id="name-without"),
    ],
)
def test_equipment(equipment: str, identifier: Identifier) -> None:
    assert only(obx(f18=equipment)).path[0].identifiers == (identifier,)


def test_equipment_said_once_holds_for_its_system() -> None:
    rows = (obx(f18="A1^^A1^EUI-64"), obx(place="1.1.1.2"), obx(place="2.1.1.1"))
    owners = [
        reading.path[0].identifiers for reading in read(*rows) if isinstance(reading, Reading)
    ]
    assert owners == [(Identifier(EUI64, "A1"),), (Identifier(EUI64, "A1"),), (SENDER,)]


def test_the_mdc_code_comes_first_wherever_it_was_sent() -> None:
    reading = only(obx("8889-8^Heart rate^LN^149530^MDC_PULS_OXIM_PULS_RATE^MDC"))
    assert [coding.system for coding in reading.codes] == [MDC, "http://loinc.org"]


def test_private_codes_are_kept() -> None:
    source = replace(WARD, systems=(("99MINE", "urn:mine"),))
    assert only(obx("108^PAUSES^99MINE"), source=source).codes == (
        Coding("urn:mine", "108", "PAUSES"),
    )
    assert only(obx("108^PAUSES^99MINE")).codes == (Coding("99MINE", "108", "PAUSES"),)


WAVE = obx(
    "131329^MDC_ECG_ELEC_POTL_I^MDC", "1.1.1.9", "1^-2.50^^32767", kind="NA", unit="266418^x^MDC"
)
FACETS = (
    obx("0^MDC_ATTR_SAMP_RATE^MDC", "1.1.1.9.1", "250", unit="264608^MDC_DIM_PER_SEC^MDC"),
    obx("2327^MDC_ATTR_NU_MSMT_RES^MDC", "1.1.1.9.2", "0.5", unit=""),
    obx("262196^MDC_EVT_INOP^MDC", "1.1.1.9.3", "32767", unit=""),
    obx("0^MDC_ATTR_DATA_RANGE^MDC", "1.1.1.9.4", "-5^10.0", kind="NR", unit=""),
)


def test_a_waveform_takes_up_its_facets() -> None:
    reading = only(WAVE, *FACETS)
    assert reading.value == Samples(
        period_ms=Decimal(4),
        values=(Decimal(1), Decimal("-2.50"), None, None),
        unit=Coding(MDC, "266418", "x"),
        factor=Decimal("0.5"),
        lower=Decimal(-5),
        upper=Decimal("10.0"),
    )


def test_a_rate_may_be_a_period() -> None:
    seconds = "264320^MDC_DIM_SEC^MDC"
    reading = only(WAVE, obx("0^MDC_ATTR_SAMP_RATE^MDC", "1.1.1.9.1", "0.004", unit=seconds))
    assert isinstance(reading.value, Samples)
    assert reading.value.period_ms == Decimal(4)


def test_facets_that_no_waveform_takes_up_stay() -> None:
    reading = only(FACETS[0])
    assert (reading.handle, reading.value is not None) == ("1.1.1.9.1", True)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(obx(value="abc"), "OBX-5 is no number", id="NM-text"),
        pytest.param(obx(value="1e999"), "OBX-5 is no number", id="NM-exponent"),
        pytest.param(obx(value="9" * 60), "OBX-5 is no number", id="NM-long"),
        pytest.param(obx(value="NaN"), "OBX-5 is no number", id="NM-NaN"),
        pytest.param(obx(value="1,5"), "OBX-5 is no number", id="NM-comma"),
        pytest.param(obx(code=""), "OBX-3 holds no code", id="no-code"),
        pytest.param(obx(place=""), "OBX-4 is no containment id", id="no-place"),
        pytest.param(obx(place="1.a.2"), "OBX-4 is no containment id", id="place-with-letters"),
        pytest.param(obx(f14="yesterday"), "OBX-14 is no HL7 time", id="time"),
        pytest.param(WAVE, "MDC_ATTR_SAMP_RATE", id="waveform-without-a-rate"),
    ],
)
def test_one_bad_row_leaves_the_others_unharmed(row: str, reason: str) -> None:
    good, bad, after = read(obx(SATURATION), row, obx(place="1.1.1.8"))
    assert isinstance(good, Reading)
    assert isinstance(after, Reading)
    assert isinstance(bad, Rejected)
    assert reason in bad.reason


@pytest.mark.parametrize(
    ("second", "patients", "bed"),
    [
        pytest.param(("PID|||P-8^^^HOSP^MR",), ["P-7", "P-8"], None, id="another-PID"),
        pytest.param(("PID|||P-8^^^HOSP^MR", "PV1||I|ICU^2^B9"), ["P-7", "P-8"], "B9",
                     id="with-a-bed-of-its-own"),
        pytest.param(("PID|||",), ["P-7"], None, id="one-that-names-nobody"),
    ],
)  # fmt: skip
def test_a_further_pid_begins_another_patient(
    second: tuple[str, ...], patients: list[str], bed: str | None
) -> None:
    """ORU^R01 repeats PATIENT_RESULT: neither number nor bed is that of the one before."""
    order = "OBR|1|||1^x^L|||20260504100000+0000"
    first, other = read(obx(), *second, order, obx(place="1.1.1.2"))
    assert isinstance(first, Reading)
    assert isinstance(other, Reading)
    assert [each.value for one in (first, other) for each in one.patient] == patients
    assert first.location is not None
    assert (other.location and other.location.bed) == bed
