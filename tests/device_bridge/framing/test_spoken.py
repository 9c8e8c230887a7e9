"""Packets and lines come out whole, however their bytes come in and whatever is between. DEV-21."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver_device_bridge.framing.nonin import NoninDeframer
from fhirserver_device_bridge.framing.piece import Deframer, Piece
from fhirserver_device_bridge.framing.text_line import TextLineDeframer
from tests.device_bridge.nonin import packet

A, B, SEVEN = packet(72, 97), packet(300, 88), packet(72, 97, layout=7)
LIMIT = 20
TOO_LONG = "a line that is too long: only its beginning is here"
CUT_OFF = "the line ended before the end of this line of text"


def fed(deframer: Deframer, received: bytes, *cuts: int) -> list[Piece]:
    """Feed bytes in pieces that end at these places, and then end the stream."""
    places = sorted({0, *(cut for cut in cuts if cut < len(received)), len(received)})
    pieces = (received[start:end] for start, end in itertools.pairwise(places))
    return [found for each in pieces for found in deframer.feed(each)] + deframer.end()


WRONG = bytearray(A)
WRONG[62] ^= 0x04
NONIN = {
    "one": (A, [A], 0),
    "joined": (A + B, [A, B], 0),
    "format 7": (SEVEN + SEVEN, [SEVEN, SEVEN], 0),
    "begun in the middle": (A[37:] + B, [B], len(A) - 37),
    "format 7, begun in the middle": (SEVEN[37:] + SEVEN, [SEVEN], len(A) - 37),
    "a bit is wrong: that packet is lost": (bytes(WRONG) + B, [B], len(A)),
    "a byte is lost": (A[:50] + A[51:] + B, [B], len(A) - 1),
    "garbage between": (A + b"\x01\x81\xff\x00" + B, [A, B], 4),
    "cut off": (A + B[:70], [A], 70),
}


@pytest.mark.parametrize(
    ("received", "packets", "noise"), [pytest.param(*row, id=name) for name, row in NONIN.items()]
)
def test_packets_of_an_oximeter(received: bytes, packets: list[bytes], noise: int) -> None:
    deframer = NoninDeframer()
    assert fed(deframer, received) == [Piece(each) for each in packets]
    assert deframer.noise_bytes == noise


LINES = {
    "LF": (b"a\nb\n", [Piece(b"a"), Piece(b"b")], 0),
    "CR LF": (b"a\r\nb\r\n", [Piece(b"a"), Piece(b"b")], 0),
    "CR": (b"a\rb\r", [Piece(b"a"), Piece(b"b")], 0),
    "empty ones are none": (b"\r\n \r\na\n", [Piece(b"a")], 0),
    "at the limit": (b"x" * LIMIT + b"\n", [Piece(b"x" * LIMIT)], 0),
    "beyond it": (b"x" * 30 + b"\na\n", [Piece(b"x" * LIMIT, TOO_LONG), Piece(b"a")], 10),
    "cut off": (b"a\nb", [Piece(b"a"), Piece(b"b", CUT_OFF)], 0),
}


@pytest.mark.parametrize(
    ("received", "lines", "noise"), [pytest.param(*row, id=name) for name, row in LINES.items()]
)
def test_lines(received: bytes, lines: list[Piece], noise: int) -> None:
    deframer = TextLineDeframer(LIMIT)
    assert fed(deframer, received) == lines
    assert deframer.noise_bytes == noise


@given(
    st.sampled_from([NoninDeframer, lambda: TextLineDeframer(LIMIT)]),
    st.lists(st.one_of(st.sampled_from([A, B, SEVEN, b"a\r\n"]), st.binary(max_size=30))),
    st.sets(st.integers(1, 400)),
)
def test_chunking_never_changes_what_is_found(
    made: type[NoninDeframer], sent: list[bytes], cuts: set[int]
) -> None:
    received = b"".join(sent)
    assert fed(made(), received, *cuts) == fed(made(), received)
