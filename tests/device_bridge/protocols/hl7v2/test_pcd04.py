"""Alarm messages become reports, whatever their senders leave out. DEV-11, DEV-15."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhirserver_device_bridge.alarms.alarm import Report
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import parse
from fhirserver_device_bridge.protocols.hl7v2.pcd04 import decode_alarms
from tests.device_bridge.messages import RECEIVED, WARD, obx, oru

OCCLUSION = "196940^MDC_EVT_FLUID_LINE_OCCL^MDC^^^^^^Occlusion"
ALARM = "196616^MDC_EVT_ALARM^MDC"


def event(value: str = OCCLUSION, code: str = ALARM, kind: str = "CWE", **fields: str) -> str:
    return obx(code, "1.0.0.0.1", value, kind=kind, unit="", **fields)


def facet(code: str, value: str) -> str:
    return obx(code, "1.0.0.0.3", value, kind="ST", unit="")


def decoded(*rows: str, order: str = "A1^PUMP^0011^EUI-64", parent: str = "") -> Report:
    message = oru(*rows, kind="ORU^R40^ORU_R40").decode("utf-8")
    numbered = f"OBR|1||{order}|1^x^L|||20260504100000+0000{'|' * 22}{parent}"
    message = message.replace("OBR|1|||1^x^L|||20260504100000+0000", numbered)
    (report,) = decode_alarms(parse(message.encode("utf-8")), WARD, RECEIVED)
    return report


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param((facet("68481^MDC_ATTR_EVENT_PHASE^MDC", "start"),), "start", id="start"),
        pytest.param((facet("68165^x^MDC", "end"),), "end", id="DEV-11-end-by-the-other-number"),
        pytest.param(
            (facet("0^MDC_ATTR_EVENT_PHASE^MDC", "tpoint"),), "point", id="DEV-11-by-name"
        ),
        pytest.param((facet("68481^x^MDC", "continue"),), "update", id="continue"),
        pytest.param((facet("68481^x^MDC", "escalate"),), "update", id="escalate"),
        pytest.param((facet("68481^x^MDC", "novel"),), "update", id="a-phase-nobody-knows"),
        pytest.param(
            (facet("68481^x^MDC", "continue"), facet("68482^x^MDC", "inactive")),
            "end",
            id="continued-but-inactive-is-over",
        ),
        pytest.param((facet("68482^x^MDC", "inactive"),), "end", id="inactive-without-a-phase"),
        pytest.param((), "start", id="nothing-but-the-event"),
    ],
)
def test_phases(rows: tuple[str, ...], expected: str) -> None:
    assert decoded(event(), *rows).phase == expected


@pytest.mark.parametrize(
    ("row", "codes", "text", "priority", "kind"),
    [
        pytest.param(event(f8="PM~ST"), ["196940"], "Occlusion", "medium", "ST", id="in-OBX-8"),
        pytest.param(event(), ["196940"], "Occlusion", None, None, id="not-told"),
        pytest.param(
            event("PLETH HIGH", "196648^MDC_EVT_HI^MDC", "ST", f8="H~PH~SP"),
            ["196648"],
            "PLETH HIGH",
            "high",
            "SP",
            id="the-event-is-OBX-3-itself",
        ),
        pytest.param(
            event("149538^MDC_PLETH_PULS_RATE^MDC", "196648^MDC_EVT_HI^MDC"),
            ["196648"],
            "MDC_EVT_HI",
            None,
            None,
            id="a-bare-limit-names-its-metric",
        ),
        pytest.param(event("words", kind="ST"), ["196616"], "words", None, None, id="only-words"),
    ],
)
def test_what_is_wrong(
    row: str, codes: list[str], text: str, priority: str | None, kind: str | None
) -> None:
    condition = decoded(row).condition
    assert [each.code for each in condition.codes] == codes
    assert (condition.text, condition.priority, condition.type) == (text, priority, kind)


@pytest.mark.parametrize(
    ("order", "parent", "key"),
    [
        pytest.param("A1^PUMP^0011^EUI64", "", "A1|0011", id="OBR-3"),
        pytest.param("A2^PUMP^0011^EUI64", "^A1&PUMP&0011&EUI-64", "A1|0011", id="parent"),
        pytest.param("A2^PUMP^0011^EUI64", "A1&PUMP&0011", "A1|0011", id="parent-as-placer"),
        pytest.param("A1^PUMP", "", "A1|PUMP", id="namespace-only"),
        pytest.param("", "", "0011223344556677|196940|1.0.0.0", id="no-number-at-all"),
    ],
)
def test_which_alarm_it_is(order: str, parent: str, key: str) -> None:
    assert decoded(event(), order=order, parent=parent).key == key


def test_what_was_measured_is_evidence() -> None:
    report = decoded(
        event("149530^x^MDC", "196648^MDC_EVT_HI^MDC"), obx(place="1.1.1.1.2", f7="50-120")
    )
    evidence = report.condition.evidence
    assert evidence is not None
    assert (evidence.text, evidence.range) == ("61 MDC_DIM_BEAT_PER_MIN", "50-120")


def test_a_message_without_an_alarm_is_refused() -> None:
    with pytest.raises(MessageError, match="OBX-3 must be an event"):
        decoded(obx())


def test_messages_of_a_real_pump(test_data: Path) -> None:
    """The end names by its parent the alarm that the start opened."""
    wild = test_data / "devices" / "pcd-wild"
    start, end = (
        decode_alarms(parse((wild / name).read_bytes()), WARD, datetime(2026, 1, 1, tzinfo=UTC))[0]
        for name in ("20_bbraun_pcd04_start.hl7", "21_bbraun_pcd04_end_parent.hl7")
    )
    assert (start.phase, end.phase) == ("start", "end")
    assert start.key == end.key == "E0001_27|0012211839000001"
    assert (start.at, end.at) == ("2012-01-09T17:54:17-06:00", "2012-01-09T17:54:26-06:00")
    condition = start.condition
    assert [each.code for each in condition.codes] == ["196940"]
    assert (condition.text, condition.type, condition.priority) == ("Occlusion", "ST", None)
    assert (condition.state, condition.inactivation) == ("active", ("enabled",))
    assert [each.value for each in condition.patient] == ["HO2009003"]
    (system,) = condition.path
    assert system.code is not None
    assert (system.code.code, system.identifiers[0].value) == ("69985", "P6013")
