"""Lines come in any pieces; one beyond the limit is given once, with its beginning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver_device_bridge.framing.lines import Line, LineDeframer


@pytest.mark.parametrize(
    ("received", "lines"),
    [
        pytest.param(b"a\nbc\n", [Line(b"a"), Line(b"bc")], id="two"),
        pytest.param(b"a\r\n\r\n \n\nb", [Line(b"a")], id="cr-and-empty-and-unfinished"),
        pytest.param(b"12345678\n", [Line(b"12345678")], id="at-the-limit"),
        pytest.param(
            b"123456789abcdefghij\nk\n",
            [Line(b"12345678", is_too_long=True), Line(b"k")],
            id="over",
        ),
    ],
)
def test_lines(received: bytes, lines: list[Line]) -> None:
    assert LineDeframer(8).feed(received) == lines


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"abc", b"0123456789", b"\x00"])), st.data())
def test_pieces_change_nothing(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    deframer, found, at = LineDeframer(8), [], 0
    while at < len(whole):
        size = data.draw(st.integers(1, len(whole) - at))
        found += deframer.feed(whole[at : at + size])
        at += size
    assert found == LineDeframer(8).feed(whole)
