"""What a receiver of ASTM E1381 answers and keeps, however the bytes come in. DEV-21, DEV-02."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver_device_bridge.framing.astm import (
    ACK,
    ENQ,
    EOT,
    NAK,
    AstmReceiver,
    Effect,
    Keep,
    Send,
    frame,
)

LIMIT = 300
H, R, L = b"H|\\^&\r", b"R|1|^^^GLU|5.4|mmol/L\r", b"L|1|N\r"
ONE = frame(1, H + R + L)
A, B, C = frame(1, H), frame(2, R), frame(3, L)
LONG = frame(2, b"C|1|I|" + b"x" * LIMIT + b"\r")
BROKEN = A[:-4] + b"00\r\n"
SPLIT = (
    frame(1, H + R[:7], last=False),
    frame(2, R[7:], last=False),
    frame(3, b"L|1|", last=False),
)
REST = frame(4, b"N\r")
YES, NO = Send(ACK), Send(NAK)


def effects(received: bytes, *pieces: int, busy: bool = False) -> tuple[list[Effect], int, int]:
    """Feed bytes in pieces; give what is to be done, and what was counted: noise and refusals."""
    receiver = AstmReceiver(LIMIT)
    cuts = sorted({0, *(cut for cut in pieces if cut < len(received)), len(received)})
    found = [
        effect
        for start, end in itertools.pairwise(cuts)
        for effect in receiver.feed(received[start:end], busy=busy)
    ]
    return found, receiver.noise_bytes, receiver.refused_frames


CASES = {
    "a message in one frame is kept, then acknowledged": (ENQ + ONE + EOT, [YES, Keep(ONE), YES]),
    "one record a frame": (ENQ + A + B + C + EOT, [YES, YES, YES, Keep(A + B + C), YES]),
    "records over several frames, a terminator too": (
        ENQ + b"".join(SPLIT) + REST + EOT,
        [YES, YES, YES, YES, Keep(b"".join(SPLIT) + REST), YES],
    ),
    "two messages in one session": (
        ENQ + ONE + frame(2, H + L) + EOT,
        [YES, Keep(ONE), YES, Keep(frame(2, H + L)), YES],
    ),
    "frames are numbered from 1 to 7, then 0": (
        ENQ + b"".join(frame(n, H + L) for n in range(1, 11)) + EOT,
        [YES, *itertools.chain(*((Keep(frame(n, H + L)), YES) for n in range(1, 11)))],
    ),
    "a frame again, because its ACK was lost, is not taken twice": (
        ENQ + A + A + B + C + C + EOT,
        [YES, YES, YES, YES, Keep(A + B + C), YES, YES],
    ),
    "a wrong checksum is refused, and the frame taken when it comes again": (
        ENQ + BROKEN + A + B + C + EOT,
        [YES, NO, YES, YES, Keep(A + B + C), YES],
        0,
        1,
    ),
    "a wrong number is refused": (
        ENQ + A + C + B + C,
        [YES, YES, NO, YES, Keep(A + B + C), YES],
        0,
        1,
    ),
    "a frame cut off by another": (ENQ + A[:6] + ONE, [YES, NO, Keep(ONE), YES], 0, 1),
    "a frame whose ETX was lost": (
        ENQ + A.replace(b"\x03", b"") + ONE,
        [YES, NO, Keep(ONE), YES],
        0,
        1,
    ),
    "ENQ within a session begins anew": (
        ENQ + A + ENQ + ONE,
        [YES, YES, Keep(A, "given up"), YES, Keep(ONE), YES],
    ),
    "given up before the terminator": (ENQ + A + B + EOT, [YES, YES, YES, Keep(A + B, "given up")]),
    "given up after what could not be read": (
        ENQ + BROKEN + EOT,
        [YES, NO, Keep(BROKEN, "checksum")],
        0,
        1,
    ),
    "frames outside a session are noise": (ONE, [], len(ONE)),
    "noise between all": (
        b"\xff\x00" + ENQ + b"zz" + A + b"\r\n" + B + b"!" + C + EOT + b"~",
        [YES, YES, YES, Keep(A + B + C), YES],
        6,
    ),
    "longer than the limit": (ENQ + A + LONG, [YES, YES, Keep((A + LONG)[:LIMIT], "longer"), NO]),
}


def like(found: list[Effect], expected: list[Effect]) -> bool:
    """Compare; of a refusal's reason only that the expected words are in it."""
    return len(found) == len(expected) and all(
        isinstance(one, Keep)
        and isinstance(other, Keep)
        and one.raw == other.raw
        and (one.refused or "").find(other.refused or "") >= 0
        and (one.refused is None) == (other.refused is None)
        if isinstance(other, Keep)
        else one == other
        for one, other in zip(found, expected, strict=True)
    )


@pytest.mark.parametrize(
    ("received", "expected", "counted"),
    [
        pytest.param(case[0], case[1], (*case[2:], 0, 0)[:2], id=name)
        for name, case in CASES.items()
    ],
)
def test_sessions(received: bytes, expected: list[Effect], counted: tuple[int, int]) -> None:
    for pieces in ((), range(len(received))):
        found, *numbers = effects(received, *pieces)
        assert like(found, expected), found
        assert tuple(numbers) == counted


def test_who_is_busy_says_so() -> None:
    assert effects(ENQ + ONE, busy=True)[0] == [NO]


def test_a_line_that_is_gone_keeps_what_was_acknowledged() -> None:
    receiver = AstmReceiver(LIMIT)
    assert list(receiver.feed(ENQ + A + B[:5])) == [YES, YES]
    assert [each.raw for each in receiver.end()] == [A]
    assert list(receiver.feed(ENQ + ONE)) == [YES, Keep(ONE), YES]


@given(
    st.lists(st.one_of(st.sampled_from([ENQ, EOT, A, B, C, ONE, BROKEN]), st.binary(max_size=9)))
)
def test_anything_at_all_is_followed_by_a_message_that_is_kept(told: list[bytes]) -> None:
    """DEV-01: no input brings a receiver out of step for longer than its sender needs to notice."""
    receiver = AstmReceiver(LIMIT)
    for each in told:
        list(receiver.feed(each))
    list(receiver.end())
    assert list(receiver.feed(ENQ + ONE)) == [YES, Keep(ONE), YES]
