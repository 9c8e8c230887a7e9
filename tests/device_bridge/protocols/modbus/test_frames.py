"""Answers of Modbus in any pieces, with noise around them, written by another library. DEV-20."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.framer import FramerRTU, FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse
from pymodbus.pdu.bit_message import ReadCoilsResponse, ReadDiscreteInputsResponse
from pymodbus.pdu.register_message import ReadHoldingRegistersResponse, ReadInputRegistersResponse

from fhirserver_device_bridge.protocols.modbus.errors import ModbusError
from fhirserver_device_bridge.protocols.modbus.frames import (
    FUNCTIONS,
    MOST,
    Answer,
    Block,
    Exchange,
    RtuExchange,
    Table,
    TcpExchange,
    crc,
)

UNIT, TRANSACTION = 17, 4711
REGISTERS = {"holding": ReadHoldingRegistersResponse, "input": ReadInputRegistersResponse}
BITS = {"coil": ReadCoilsResponse, "discrete": ReadDiscreteInputsResponse}
FRAMERS = {"tcp": FramerSocket, "rtu": FramerRTU}


def exchange(kind: str, block: Block) -> Exchange:
    if kind == "tcp":
        return TcpExchange(block, UNIT, TRANSACTION)
    return RtuExchange(block, UNIT)


def written(
    kind: str, table: Table, values: Sequence[int], *, unit: int = UNIT, number: int = TRANSACTION
) -> bytes:
    """Have an answer written by pymodbus."""
    if table in BITS:
        told = BITS[table](bits=[bool(each) for each in values], dev_id=unit, transaction_id=number)
    else:
        told = REGISTERS[table](registers=list(values), dev_id=unit, transaction_id=number)
    return bytes(FRAMERS[kind](DecodePDU(True)).buildFrame(told))


def refusal(kind: str, function: int) -> bytes:
    told = ExceptionResponse(function, 2, device_id=UNIT, transaction=TRANSACTION)
    return bytes(FRAMERS[kind](DecodePDU(True)).buildFrame(told))


def fed(asked: Exchange, raw: bytes, sizes: Sequence[int]) -> Answer | None:
    """Feed bytes in pieces of these sizes, then the rest."""
    position = 0
    for size in (*sizes, len(raw)):
        answer = asked.feed(raw[position : position + size])
        if answer is not None:
            return answer
        position += size
    return None


@st.composite
def blocks(draw: st.DrawFn) -> tuple[Block, list[int]]:
    table: Table = draw(st.sampled_from(("coil", "discrete", "holding", "input")))
    # pymodbus writes whole bytes of bits: eight at a time.
    count = draw(st.integers(1, 125)) if table in REGISTERS else 8 * draw(st.integers(1, 250))
    drawn = draw(st.binary(min_size=2 * count, max_size=2 * count))
    values = [(drawn[at] << 8 | drawn[at + 1]) for at in range(0, len(drawn), 2)]
    if table in BITS:
        values = [each & 1 for each in values]
    return Block(table, draw(st.integers(0, 65535 - count)), count), values


@pytest.mark.parametrize("kind", ["tcp", "rtu"])
@settings(deadline=None)
@given(asked=blocks(), sizes=st.lists(st.integers(1, 9), max_size=30))
def test_an_answer_in_any_pieces(
    kind: str, asked: tuple[Block, list[int]], sizes: list[int]
) -> None:
    block, values = asked
    raw = written(kind, block.table, values)
    assert fed(exchange(kind, block), raw, sizes) == Answer(tuple(values))
    refused = refusal(kind, FUNCTIONS[block.table])
    assert fed(exchange(kind, block), refused, sizes) == Answer(exception=2)


@settings(deadline=None)
@given(asked=blocks(), noise=st.binary(max_size=40), sizes=st.lists(st.integers(1, 9), max_size=30))
def test_noise_before_an_answer_by_rtu_is_passed_over(
    asked: tuple[Block, list[int]], noise: bytes, sizes: list[int]
) -> None:
    block, values = asked
    raw = noise + written("rtu", block.table, values)
    assert fed(exchange("rtu", block), raw, sizes) == Answer(tuple(values))


BLOCK = Block("holding", 0, 2)


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        pytest.param("tcp", written("tcp", "holding", [9, 9], number=4710), id="late, by number"),
        pytest.param("rtu", written("rtu", "holding", [9, 9], unit=18), id="of another unit"),
        pytest.param("rtu", written("rtu", "input", [9, 9]), id="of another function"),
        pytest.param("rtu", written("rtu", "holding", [9, 9, 9]), id="of another length"),
        pytest.param("rtu", written("rtu", "holding", [9, 9])[:-1] + b"\0", id="checksum wrong"),
    ],
)
def test_what_is_not_the_answer_is_passed_over(kind: str, raw: bytes) -> None:
    asked = exchange(kind, BLOCK)
    assert asked.feed(raw) is None
    assert asked.feed(written(kind, "holding", [1, 2])) == Answer((1, 2))


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        pytest.param("tcp", b"HTTP/1.1 400", id="another protocol"),
        pytest.param("tcp", bytes.fromhex("1267 0000 ffff 11 03"), id="too long"),
        pytest.param("tcp", written("tcp", "holding", [1, 2], unit=3), id="another unit answers"),
        pytest.param("tcp", written("tcp", "holding", [1]), id="other registers"),
        pytest.param("rtu", bytes(5000), id="nothing but noise"),
    ],
)
def test_what_cannot_be_followed_ends_the_line(kind: str, raw: bytes) -> None:
    with pytest.raises(ModbusError):
        exchange(kind, BLOCK).feed(raw)


@pytest.mark.parametrize(
    ("asked", "frame"),
    [
        pytest.param(RtuExchange(Block("holding", 0, 10), 1), "01 03 0000 000a c5cd", id="rtu"),
        pytest.param(
            TcpExchange(Block("input", 8, 1), 9, 3), "0003 0000 0006 09 04 0008 0001", id="tcp"
        ),
    ],
)
def test_requests(asked: Exchange, frame: str) -> None:
    assert asked.request == bytes.fromhex(frame)


def test_the_checksum_of_the_standard() -> None:
    """Modbus over Serial Line V1.02, appendix B."""
    assert crc(bytes.fromhex("0207")) == bytes.fromhex("4112")


def test_the_longest_answers_fit() -> None:
    for table, most in MOST.items():
        values = [1] * most
        assert exchange("tcp", Block(table, 0, most)).feed(written("tcp", table, values)) == Answer(
            tuple(values)
        )
