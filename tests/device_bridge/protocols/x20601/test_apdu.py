"""DEV-16: every recorded APDU is understood, and written back octet by octet."""

from dataclasses import replace

import pytest

from fhirserver_device_bridge.protocols.x20601 import apdu, attributes, configurations, reports
from fhirserver_device_bridge.protocols.x20601.agent import offer_of
from fhirserver_device_bridge.protocols.x20601.apdu import (
    Abort,
    ActionResult,
    AssociationRequest,
    AssociationResponse,
    ConfirmedAction,
    ConfirmedEventReport,
    Data,
    EventReportResult,
    Get,
    GetResult,
    ReleaseRequest,
    ReleaseResponse,
)
from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.protocols.x20601.times import AbsoluteTime

KINDS = {
    "H211": AssociationRequest,
    "H211_ID_0190": AssociationRequest,
    "H211_ID_02BC": AssociationRequest,
    "H211_ID_05DC": AssociationRequest,
    "H212": AssociationResponse,
    "H221": ConfirmedEventReport,
    "H221_ID_05DC": ConfirmedEventReport,
    "H222": EventReportResult,
    "H232": Get,
    "H233": GetResult,
    "H233_ID_0190": GetResult,
    "H233_ID_02BC": GetResult,
    "H233_ID_05DC": GetResult,
    "H241": ConfirmedEventReport,
    "H241_ID_0190": ConfirmedEventReport,
    "H241_ID_02BC": ConfirmedEventReport,
    "H241_ID_05DC": ConfirmedEventReport,
    "H242": EventReportResult,
    "H243": ConfirmedAction,
    "H244": ActionResult,
    "blood_pressure/aare_accept_known_conf": AssociationResponse,
    "blood_pressure/aare_accept_unknown_conf": AssociationResponse,
    "blood_pressure/aarq": AssociationRequest,
    "blood_pressure/rlre": Abort,
    "blood_pressure/rlrq": ReleaseRequest,
    "blood_pressure/roiv_mdc_noti_config": ConfirmedEventReport,
    "blood_pressure/roiv_mds_note_scan_report_mp_fixed": ConfirmedEventReport,
    "blood_pressure/rors_accepted_config": EventReportResult,
    "rx_aare_example_one": AssociationResponse,
    "rx_abrt_buffer_overflow": Abort,
    "rx_abrt_config_timeout": Abort,
    "rx_abrt_response_timeout": Abort,
    "rx_abrt_undefined": Abort,
    "rx_rlre_normal": ReleaseResponse,
    "rx_rlrq_normal": ReleaseRequest,
    "weighing_scale/association_request": AssociationRequest,
    "weighing_scale/data_report": ConfirmedEventReport,
    "weighing_scale/roiv_mdc_noti_config": ConfirmedEventReport,
    "weighing_scale/std_config_05DC": ConfirmedEventReport,
}


def test_every_recorded_apdu_is_understood_and_written_back(recorded: dict[str, bytes]) -> None:
    assert set(recorded) == set(KINDS)
    for name, raw in recorded.items():
        decoded = apdu.decode(raw)
        assert apdu.size_of(raw[:4]) == len(raw), name
        assert type(decoded.message if isinstance(decoded, Data) else decoded) is KINDS[name], name
        assert apdu.encode(decoded) == raw, name


def test_a_recorded_association_request(recorded: dict[str, bytes]) -> None:
    request = apdu.decode(recorded["H211_ID_02BC"])
    assert isinstance(request, AssociationRequest)
    offer = offer_of(request)
    assert offer.system_id.hex() == "1122334455667707"
    assert (offer.config_id, offer.encoding_rules, offer.request_modes) == (0x02BC, 0xA000, 0x8480)


def test_a_recorded_description_of_a_device(recorded: dict[str, bytes]) -> None:
    decoded = apdu.decode(recorded["H233"])
    assert isinstance(decoded, Data)
    mds = attributes.decode(decoded.message.attributes)
    assert mds[attributes.SYSTEM_MODEL].model == b"TheScaleABC\x00"
    assert mds[attributes.CONFIGURATION_ID] == 0x4000
    assert mds[attributes.ABSOLUTE_NOW] == AbsoluteTime(bytes.fromhex("2007020112050000"))
    assert mds[attributes.SPECIALISATIONS][0].type == 4111


def test_recorded_aborts_have_their_reasons(recorded: dict[str, bytes]) -> None:
    names = ("undefined", "buffer_overflow", "response_timeout", "config_timeout")
    assert [apdu.decode(recorded[f"rx_abrt_{name}"]) for name in names] == [
        Abort(reason) for reason in range(4)
    ]


def test_the_recorded_standard_configuration_is_that_of_the_table(
    recorded: dict[str, bytes],
) -> None:
    decoded = apdu.decode(recorded["weighing_scale/std_config_05DC"])
    assert isinstance(decoded, Data)
    report = configurations.REPORT.decode(decoded.message.info)
    assert configurations.objects_of(report) == configurations.standard(report.config_id)


def test_the_blood_pressure_of_the_table_is_laid_out_as_recorded(
    recorded: dict[str, bytes],
) -> None:
    decoded = apdu.decode(recorded["blood_pressure/roiv_mdc_noti_config"])
    assert isinstance(decoded, Data)
    own = configurations.objects_of(configurations.REPORT.decode(decoded.message.info))
    table = configurations.standard(0x02BC)
    assert table is not None
    assert {1: own[1], 2: own[2]} == table


BAD = {
    "empty": ("", "announced"),
    "no-such-apdu": ("e10000020000", "no choice"),
    "length-beyond-the-octets": ("e60000030000", "announced"),
    "octets-beyond-the-length": ("e6000002000000", "more than"),
    "length-too-short-for-the-type": ("e600000100", "announced"),
    "no-such-data-apdu": ("e70000080006000105550000", "no choice 0x0555"),
    "inner-length-beyond-the-outer": ("e70000080006000101000005", "announced"),
    "list-shorter-than-its-length": ("e7000012001000010103000a00000001000400010002", "more than"),
    "list-longer-than-its-length": ("e700000e000c0001010300060000000200020001", "announced"),
}


@pytest.mark.parametrize(
    ("raw", "problem"), [pytest.param(*row, id=name) for name, row in BAD.items()]
)
def test_what_the_rules_do_not_allow_is_refused(raw: str, problem: str) -> None:
    with pytest.raises(MderError, match=problem):
        apdu.decode(bytes.fromhex(raw))


@pytest.mark.parametrize("header", ["0b4d5348", "e1000000", "e2010000", "e8000000", "ffffffff"])
def test_a_stream_that_starts_no_apdu_is_told_at_its_header(header: str) -> None:
    with pytest.raises(MderError, match="starts no APDU"):
        apdu.size_of(bytes.fromhex(header))


def test_reports_of_every_kind_have_a_type() -> None:
    assert set(reports.REPORTS) == {*range(3357, 3361), *range(3362, 3374)}


def test_confirmed_and_unconfirmed_are_told_apart() -> None:
    report = ConfirmedEventReport(0, 0, 3357, b"")
    raw = apdu.encode(Data(7, report))
    assert apdu.decode(raw.replace(b"\x01\x01", b"\x01\x00")) == Data(
        7, apdu.EventReport(0, 0, 3357, b"")
    )
    assert apdu.decode(raw) == Data(7, replace(report))
