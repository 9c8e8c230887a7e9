"""Splitting messages, against a table and against an independent parser."""

import hl7
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import parse, unescape
from tests.device_bridge.messages import obx, oru


@pytest.mark.parametrize(
    ("escaped", "plain"),
    [
        pytest.param(r"a\F\b", "a|b", id="field"),
        pytest.param(r"a\S\b", "a^b", id="component"),
        pytest.param(r"a\T\b", "a&b", id="subcomponent"),
        pytest.param(r"a\R\b", "a~b", id="repetition"),
        pytest.param(r"a\E\b", "a\\b", id="escape"),
        pytest.param(r"a\X0D0A\b", "a\r\nb", id="bytes"),
        pytest.param(r"a\XC3A9\b", "aéb", id="bytes-of-UTF-8"),
        pytest.param(r"a\.br\b", "a\nb", id="line-break"),
        pytest.param(r"\H\a\N\b", "ab", id="highlighting-goes"),
        pytest.param(r"a\Zunknown\b", r"a\Zunknown\b", id="unknown-stays"),
        pytest.param(r"a\b", r"a\b", id="a-lone-mark-stays"),
        pytest.param(r"\E\F\E\ ", "\\F\\ ", id="what-an-escape-writes-is-not-read-again"),
    ],
)
def test_escapes(escaped: str, plain: str) -> None:
    header = parse(oru()).header
    assert unescape(escaped, header.separators) == plain


def test_fields_have_the_numbers_of_the_standard() -> None:
    message = parse(oru(obx(f20="LA^left arm^99X~RA")))
    segment = message.segments[-1]
    assert message.header.field(1) == "|"
    assert message.header.field(2) == "^~\\&"
    assert message.header.component(3, 3) == "EUI-64"
    assert segment.component(3, 2) == "MDC_PULS_OXIM_PULS_RATE"
    assert segment.repetitions(20) == ["LA^left arm^99X", "RA"]
    assert segment.field(99) == ""
    assert segment.component(3, 99) == ""


@pytest.mark.parametrize(
    "end", ["\r", "\n", "\r\n", "\r\r"], ids=["CR", "LF", "CRLF", "empty-lines"]
)
def test_any_line_end_ends_a_segment(end: str) -> None:
    raw = oru(obx()).replace(b"\r", end.encode())
    assert [segment.name for segment in parse(raw).segments] == ["MSH", "PID", "PV1", "OBR", "OBX"]


def test_other_separators_are_read() -> None:
    raw = b"MSH*$%!@*A$B****20260504**ORU$R01*1*P*2.6\rOBX*1*ST*1$x!S!y$L**one%two!F!"
    message = parse(raw)
    assert message.header.component(9, 2) == "R01"
    assert message.segments[1].component(3, 2) == "x$y"
    assert message.segments[1].repetitions(5) == ["one", "two!F!"]


def test_the_null_of_the_standard_is_empty() -> None:
    segment = parse(oru('OBX|1|ST|1^""^L|1|""')).segments[-1]
    assert segment.field(5) == ""
    assert segment.components(3) == ("1", "", "L")


@pytest.mark.parametrize(
    ("name", "fallback", "raw"),
    [
        pytest.param("UNICODE UTF-8", "ascii", "Кафе é".encode(), id="UTF-8"),
        pytest.param("8859/5", "utf-8", "Кафе".encode("iso8859-5"), id="Cyrillic"),
        pytest.param("8859/1", "utf-8", "Café".encode("latin-1"), id="Latin-1"),
        pytest.param("8859/1~8859/5", "utf-8", "Café".encode("latin-1"), id="first-repetition"),
        pytest.param("", "cp1251", "Кафе".encode("cp1251"), id="fallback-of-the-source"),
        pytest.param("GB 18030-2000", "utf-8", "脉率".encode("gb18030"), id="Chinese"),
    ],
)
def test_character_sets(name: str, fallback: str, raw: bytes) -> None:
    message = parse(oru("NTE|1||@", f18=name).replace(b"@", raw), fallback)
    codec = {"8859/5": "iso8859-5", "UNICODE UTF-8": "utf-8", "": "cp1251"}.get(name)
    codec = codec or {"GB 18030-2000": "gb18030"}.get(name, "latin-1")
    assert message.segments[-1].field(3) == raw.decode(codec)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        pytest.param(b"", "no MSH", id="empty"),
        pytest.param(b"PID|1\r", "no MSH", id="another-segment-first"),
        pytest.param(b"MSH|", "no MSH", id="cut-off"),
        pytest.param(b"MSH|||||||", "distinct separators", id="separators-that-are-one"),
        pytest.param(
            oru(f18="KLINGON"), "MSH-18 names a character set", id="unknown-character-set"
        ),
        pytest.param(oru(f18="UNICODE UTF-16"), "MSH-18 names", id="UTF-16"),
        pytest.param(oru("NTE|1||\xe9", f18="ASCII"), "is not ascii", id="bytes-not-of-MSH-18"),
        pytest.param(oru("NTE|1||@").replace(b"@", b"\xff"), "is not utf-8", id="no-UTF-8"),
    ],
)
def test_what_cannot_be_read_says_why(raw: bytes, reason: str) -> None:
    with pytest.raises(MessageError, match=reason):
        parse(raw)


# The peer trims, and beyond ASCII it escapes code points, which the standard calls bytes.
_texts = st.text("abcXYZ019|^~\\&.-#'", min_size=1, max_size=12)


@given(st.lists(st.lists(_texts, min_size=1, max_size=4), min_size=1, max_size=4))
def test_an_independent_parser_reads_the_same(fields: list[list[str]]) -> None:
    raw = hl7.parse(oru().decode())
    escaped = ("^".join(raw.escape(text) for text in parts) for parts in fields)
    text = oru("ZZZ|" + "|".join(escaped)).decode()
    peer, ours = hl7.parse(text)["ZZZ"][0], parse(text.encode()).segments[-1]
    for number, parts in enumerate(fields, 1):
        assert ours.components(number) == tuple(parts)
        whole = unescape(ours.field(number), ours.separators)
        assert hl7.parse(text).unescape(str(peer[number])) == whole
