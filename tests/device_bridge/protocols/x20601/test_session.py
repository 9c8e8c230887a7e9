"""DEV-16: the manager's side of a connection, octet by octet, without a connection."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fhirserver_device_bridge.protocols.x20601.mder import MderError
from fhirserver_device_bridge.protocols.x20601.measurements import measurements
from fhirserver_device_bridge.protocols.x20601.session import Effect, Keep, Send, Session
from fhirserver_device_bridge.protocols.x20601.states import State
from fhirserver_device_bridge.reading import Quantity, Reading
from fhirserver_device_bridge.source import Source

NOW = datetime(2026, 3, 14, 9, 30, tzinfo=UTC)
EXCHANGES = {
    each["name"]: [bytes.fromhex(apdu) for apdu in each["apdus"]]
    for each in json.loads((Path(__file__).parent / "specialisations.json").read_bytes())
}
SCALE = EXCHANGES["scale"]
STORED = EXCHANGES["glucose meter, stored segment"]
AARE = "e300002c{}50790026800000008000800000000000000080000000000802000000fe000001" + "00" * 10
GET_MDS = "e700000e000c{}01030006000000000000"
ABORT = "e6000002{}"


def test_a_standard_configuration_is_operated_at_once() -> None:
    session = Session()
    assert take(session, SCALE[0]) == [AARE.format("0000"), GET_MDS.format("0001")]
    assert session.state is State.OPERATING


def test_a_report_is_kept_before_it_is_confirmed() -> None:
    session = operating()
    effects = session.receive(SCALE[2], NOW)
    assert [type(each) for each in effects] == [Keep, Send]
    assert shown(effects)[1] == "e7000012001000070201000a0000ffffffff0d1d0000"
    [reading] = readings(effects[0])
    assert (reading.handle, reading.path[0].code and reading.path[0].code.code) == ("1", "528399")


def test_an_unconfirmed_report_is_kept_and_not_answered() -> None:
    effects = operating().receive(SCALE[2].replace(b"\x00\x07\x01\x01", b"\x00\x07\x01\x00"), NOW)
    assert [type(each) for each in effects] == [Keep]


def test_a_report_waits_for_the_description_of_the_device() -> None:
    session = Session()
    session.receive(SCALE[0], NOW)
    assert session.receive(SCALE[2], NOW) == []
    effects = session.receive(SCALE[1], NOW)
    assert [type(each) for each in effects] == [Keep, Send]
    [reading] = readings(effects[0])
    assert reading.path[0].code is not None


LOSSES: dict[str, Callable[[Session], list[Effect]]] = {
    "the description does not come": lambda session: session.time_out(),
    "the connection breaks": lambda session: session.lose(),
    "the agent releases": lambda session: session.receive(bytes.fromhex("e40000020000"), NOW),
    "the agent aborts": lambda session: session.receive(bytes.fromhex("e60000020000"), NOW),
}


@pytest.mark.parametrize("lose", [pytest.param(each, id=name) for name, each in LOSSES.items()])
def test_a_report_that_waits_is_kept_and_not_confirmed_when(
    lose: Callable[[Session], list[Effect]],
) -> None:
    session = Session()
    session.receive(SCALE[0], NOW)
    session.receive(SCALE[2], NOW)
    effects = lose(session)
    assert isinstance(effects[0], Keep)
    assert len(readings(effects[0])) == 1
    assert not any("0201" in each for each in shown(effects[1:]))


def test_an_own_configuration_is_asked_for_and_accepted() -> None:
    session = Session()
    assert take(session, STORED[0]) == [AARE.format("0003")]
    assert session.timeout_s == 10
    assert take(session, STORED[1]) == [
        "e7000016001400010201000e0000ffffffff0d1c000440000000",
        GET_MDS.format("0001"),
    ]
    assert session.timeout_s == 3


def test_a_configuration_that_is_not_understood_is_refused_and_another_awaited() -> None:
    session = Session()
    take(session, STORED[0])
    broken = "e7000026002400010101001e0000ffffffff0d1c001440000001000e0006000100010006092f00020000"
    assert take(session, bytes.fromhex(broken))[0][-8:] == "40000001"
    assert session.state is State.WAITING_FOR_CONFIG
    assert take(session, STORED[1])[0][-8:] == "40000000"


def test_what_a_device_stored_is_fetched_segment_by_segment() -> None:
    session = Session()
    take(session, STORED[0])
    take(session, STORED[1])
    assert take(session, STORED[2]) == ["e7000014001200020107000c00040c0d0006000100020000"]
    assert take(session, STORED[3]) == ["e7000010000e00030107000800040c1c00020001"]
    assert take(session, bytes.fromhex("e7000012001000030207000a00040c1c000400010000")) == []
    effects = session.receive(STORED[4], NOW)
    assert len(readings(effects[0])) == 4
    assert shown(effects)[1][-24:] == "00010000000000000002c080"
    assert session.timeout_s is None


MODES = {
    "all-objects, one answer": ("0880", "01008880000000000000000000000000"),
    "one-class, one answer": ("8480", "01008480000000000000000600000000"),
    "all-objects, until it is stopped": ("0820", "01008820000000000000000000000000"),
}


@pytest.mark.parametrize(
    ("modes", "request_"), [pytest.param(*row, id=name) for name, row in MODES.items()]
)
def test_an_agent_that_waits_is_asked_and_its_answer_kept(modes: str, request_: str) -> None:
    """The request for one class is octet by octet the example of the standard (H.2.4.3)."""
    session = Session()
    waits = SCALE[0].hex().replace("05dc00000100", f"05dc{modes}0001")
    take(session, bytes.fromhex(waits))
    assert take(session, SCALE[1]) == [f"e700001e001c00020107001600000c1b0010{request_}"]
    report = "f0000000000100100001000cfe001dc42026031409265300"
    answer = f"e7000030002e0002 0207 0028 0000 0c1b 0022 00000000 0000 0d1d 0018 {report}"
    [kept] = session.receive(bytes.fromhex(answer), NOW)
    [reading] = readings(kept)
    assert isinstance(reading.value, Quantity)
    assert reading.value.text == "76.20"


REFUSED = {
    "no-protocol": ("e20000088000000000000000", "0004"),
    "another-protocol": ("e200000c8000000000010004ffff0000", "0004"),
    "another-association-version": (SCALE[0].hex().replace("80000000", "40000000", 1), "0008"),
    "no-common-encoding": (SCALE[0].hex().replace("800080000000", "200080000000", 1), "0005"),
}


@pytest.mark.parametrize(
    ("raw", "result"), [pytest.param(*row, id=name) for name, row in REFUSED.items()]
)
def test_an_association_without_common_ground_is_refused(raw: str, result: str) -> None:
    session = Session()
    assert take(session, bytes.fromhex(raw)) == [f"e3000006{result}00000000"]
    assert session.state is State.UNASSOCIATED


ENDS = {
    "associate-again": (SCALE[0].hex(), [ABORT.format("0000")]),
    "an-answer-nobody-asked-for": ("e700000e000c555502030006000000000000", [ABORT.format("0000")]),
    "release": ("e40000020000", ["e50000020000"]),
    "abort": ("e60000020002", []),
}


@pytest.mark.parametrize(
    ("raw", "answers"), [pytest.param(*row, id=name) for name, row in ENDS.items()]
)
def test_an_association_ends_and_another_can_begin(raw: str, answers: list[str]) -> None:
    session = operating()
    assert take(session, bytes.fromhex(raw)) == answers
    assert session.state is State.UNASSOCIATED
    assert take(session, SCALE[0])[0] == AARE.format("0000")


def test_what_a_manager_does_not_do_is_answered_with_an_error() -> None:
    get = bytes.fromhex(GET_MDS.format("0009"))
    assert take(operating(), get) == ["e700000c000a00090300000400090000"]


def test_a_malformed_apdu_is_kept_as_refused_and_ends_the_association() -> None:
    session = operating()
    effects = session.receive(bytes.fromhex("e70000080006000105550000"), NOW)
    assert isinstance(effects[0], Keep)
    assert effects[0].refused is not None
    assert "0x0555" in effects[0].refused
    assert shown(effects[1:]) == [ABORT.format("0000")]
    with pytest.raises(MderError):
        readings(effects[0])


def test_time_outs_say_what_was_waited_for() -> None:
    waiting = Session()
    take(waiting, STORED[0])
    assert shown(waiting.time_out()) == [ABORT.format("0003")]
    asking = Session()
    take(asking, SCALE[0])
    assert shown(asking.time_out()) == [ABORT.format("0002")]


def test_the_manager_can_release() -> None:
    session = operating()
    assert shown(session.release()) == ["e40000020000"]
    assert session.timeout_s == 3
    assert take(session, bytes.fromhex("e50000020000")) == []
    assert session.state is State.UNASSOCIATED


def operating() -> Session:
    session = Session()
    session.receive(SCALE[0], NOW)
    session.receive(SCALE[1], NOW)
    return session


def take(session: Session, raw: bytes) -> list[str]:
    return shown(session.receive(raw, NOW))


def shown(effects: list[Effect]) -> list[str]:
    return [each.raw.hex() if isinstance(each, Send) else "kept" for each in effects]


def readings(effect: Effect) -> list[Reading]:
    assert isinstance(effect, Keep)
    found = measurements(effect.raw, Source("home"), 1)
    assert all(isinstance(each, Reading) for each in found)
    return [each for each in found if isinstance(each, Reading)]
