"""Acknowledgements: which are wanted and what they say, read by an independent parser."""

from dataclasses import replace
from datetime import UTC, datetime

import hl7
import pytest

from fhirserver_device_bridge.protocols.hl7v2.ack import Outcome, acknowledge, wanted
from fhirserver_device_bridge.protocols.hl7v2.message import header_of
from tests.device_bridge.messages import WARD, oru

AT = datetime(2026, 5, 4, 10, 0, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("accept", "application", "accepted", "error", "rejected"),
    [
        pytest.param("", "", ("AA",), ("AE",), ("AR",), id="original-mode"),
        pytest.param("AL", "NE", ("CA",), ("CE",), ("CR",), id="commit"),
        pytest.param("NE", "AL", ("AA",), ("AE",), ("AR",), id="application"),
        pytest.param("AL", "AL", ("CA", "AA"), ("CE", "AE"), ("CR", "AR"), id="both"),
        pytest.param("ER", "NE", (), ("CE",), ("CR",), id="errors-only"),
        pytest.param("SU", "NE", ("CA",), (), (), id="success-only"),
        pytest.param("NE", "NE", (), (), (), id="never"),
        pytest.param("AL", "", ("CA",), ("CE",), ("CR",), id="one-empty-is-never"),
        pytest.param("NE", "ER", (), ("AE",), ("AR",), id="application-errors"),
    ],
)
def test_modes(
    accept: str,
    application: str,
    accepted: tuple[str, ...],
    error: tuple[str, ...],
    rejected: tuple[str, ...],
) -> None:
    header = header_of(oru(f15=accept, f16=application))
    outcomes: tuple[Outcome, ...] = ("accepted", "error", "rejected")
    assert [wanted(header, outcome) for outcome in outcomes] == [accepted, error, rejected]


@pytest.mark.parametrize(
    ("mode", "codes"), [("original", ("AA",)), ("enhanced", ("CA",)), ("none", ())]
)
def test_a_source_overrides_the_message(mode: str, codes: tuple[str, ...]) -> None:
    header = header_of(oru(f15="ER", f16="AL"))
    assert wanted(header, "accepted", replace(WARD, acknowledgement=mode)) == codes
    assert wanted(header, "accepted", WARD) == ("AA",)


def test_what_it_says() -> None:
    raw = oru(f4="ICU", f5="HUB^1.2^ISO", f6="CENTRE", f10="Ж-17", f18="8859/5")
    header = header_of(raw.decode().encode("iso8859-5"))
    answer = acknowledge(header, "CA", at=AT, control_id="B1")
    message = hl7.parse(answer.decode("iso8859-5"))
    msh, msa = message["MSH"][0], message["MSA"][0]
    said = {number: str(msh[number]) for number in (3, 4, 5, 6, 7, 9, 10, 11, 12, 18)}
    assert said == {
        3: "HUB^1.2^ISO",
        4: "CENTRE",
        5: "MON^0011223344556677^EUI-64",
        6: "ICU",
        7: "20260504100006+0000",
        9: "ACK^R01^ACK",
        10: "B1",
        11: "P",
        12: "2.6",
        18: "8859/5",
    }
    assert [str(msa[1]), str(msa[2])] == ["CA", "Ж-17"]
    assert answer.count(b"\r") == 2
    assert "ERR" not in answer.decode("iso8859-5")


def test_an_error_says_why() -> None:
    answer = acknowledge(header_of(oru()), "AR", at=AT, control_id="B2", text="no|room^now\r!")
    message = hl7.parse(answer.decode())
    assert str(message["MSA"][0][2]) == "M1"
    assert str(message["ERR"][0][8]) == "no room now !"
    assert str(message["ERR"][0][4]) == "E"
