"""MLLP blocks come out whole, however their bytes come in. DEV-01."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver_device_bridge.framing.mllp import HEAD_BYTES, Frame, MllpDeframer, block

LIMIT = 100
A, B = b"MSH|^~\\&|A\r", b"MSH|^~\\&|B\rPID|\r"


def frames(received: bytes, *pieces: int, limit: int = LIMIT) -> tuple[list[Frame], int]:
    """Feed bytes in pieces that end at these places; give the frames and the noise counted."""
    deframer = MllpDeframer(limit)
    cuts = sorted({0, *(cut for cut in pieces if cut < len(received)), len(received)})
    found = [
        frame
        for start, end in itertools.pairwise(cuts)
        for frame in deframer.feed(received[start:end])
    ]
    return found, deframer.noise_bytes


@pytest.mark.parametrize(
    ("received", "expected", "noise"),
    [
        pytest.param(block(A), [Frame(A)], 0, id="one"),
        pytest.param(block(A) + block(B), [Frame(A), Frame(B)], 0, id="joined"),
        pytest.param(block(A)[:-1] + block(B), [Frame(A), Frame(B)], 0, id="no CR after FS"),
        pytest.param(block(A) + b"\r\n\r\n" + block(B), [Frame(A), Frame(B)], 0, id="line ends"),
        pytest.param(b"GET /\r\n" + block(A), [Frame(A)], 5, id="garbage before VT"),
        pytest.param(b"\x1c\r" + block(A), [Frame(A)], 1, id="FS outside a block"),
        pytest.param(block(b""), [Frame(b"")], 0, id="an empty block is a block"),
        pytest.param(b"\x0bMSH" + block(A), [Frame(b"MSH", "cut off"), Frame(A)], 0, id="cut off"),
        pytest.param(block(b"x" * LIMIT), [Frame(b"x" * LIMIT)], 0, id="at the limit"),
        pytest.param(
            block(b"x" * (LIMIT + 1)) + block(A),
            [Frame(b"x" * LIMIT, "too long"), Frame(A)],
            0,
            id="beyond the limit: what follows is served",
        ),
        pytest.param(
            b"\x0b" + b"x" * 300 + block(A),
            [Frame(b"x" * LIMIT, "too long"), Frame(A)],
            0,
            id="beyond the limit and cut off",
        ),
        pytest.param(block(A) + b"\x0bMSH", [Frame(A)], 0, id="not ended yet"),
        pytest.param(block(b"a\nb\r\nc"), [Frame(b"a\nb\r\nc")], 0, id="LF inside stays"),
    ],
)
def test_blocks(received: bytes, expected: list[Frame], noise: int) -> None:
    assert frames(received) == (expected, noise)
    assert frames(received, *range(len(received))) == (expected, noise), "byte by byte"


def test_of_a_block_beyond_the_limit_only_the_beginning_is_held() -> None:
    deframer = MllpDeframer(4 * HEAD_BYTES)
    assert deframer.feed(b"\x0b") == []
    for _ in range(64):
        assert deframer.feed(b"x" * HEAD_BYTES) == []
    (frame,) = deframer.feed(b"\x1c\r")
    assert frame == Frame(b"x" * HEAD_BYTES, "too long")


@given(
    received=st.lists(
        st.one_of(
            st.sampled_from([b"\x0b", b"\x1c", b"\r", b"\x1c\r", block(A), block(B), b"x" * 70]),
            st.binary(max_size=20),
        ),
        max_size=12,
    ).map(b"".join),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_chunking_never_changes_what_is_found(received: bytes, cuts: list[int]) -> None:
    assert frames(received, *cuts) == frames(received)
