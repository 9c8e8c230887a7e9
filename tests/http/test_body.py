"""Bodies from a stream that blocks: size, deadline, truncation, gzip."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterator
from io import BytesIO
from queue import SimpleQueue

import pytest

from fhirserver.errors import (
    FhirError,
    InvalidRequestError,
    RequestTimeoutError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaTypeError,
)
from fhirserver.http.body import BodyFraming, BodyLimits, StreamBody, decompress

LIMIT = 1000


def limits(**changes: float) -> BodyLimits:
    return BodyLimits(
        size_bytes=LIMIT,
        deadline_s=changes.get("deadline_s", 30),
        slots=int(changes.get("slots", 2)),
        abandoned_limit=1,
    )


def framing(length: int | str | None = None, coding: str | None = None) -> BodyFraming:
    chunked = "chunked" if length is None else None
    return BodyFraming(None if length is None else str(length), chunked, coding)


@pytest.fixture
def silent() -> Iterator[BytesIO]:
    """A pipe into which nobody writes until the test is over."""
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as stream:
        yield stream  # type: ignore[misc]
        os.close(writer)


@pytest.mark.parametrize(
    ("sent", "length", "coding", "expected"),
    [
        pytest.param(b"abc", 3, None, b"abc", id="length"),
        pytest.param(b"abc", None, None, b"abc", id="chunked"),
        pytest.param(b"", 0, None, b"", id="empty"),
        pytest.param(b"x" * LIMIT, LIMIT, None, b"x" * LIMIT, id="at-the-limit"),
        pytest.param(b"abc", 3, "identity", b"abc", id="identity"),
        pytest.param(gzip.compress(b"abc"), None, "gzip", b"abc", id="gzip"),
        pytest.param(gzip.compress(b"a") + gzip.compress(b"b"), None, "GZIP", b"ab", id="members"),
        pytest.param(gzip.compress(b"x" * LIMIT), None, "x-gzip", b"x" * LIMIT, id="gzip-limit"),
    ],
)
def test_bodies_arrive(
    sent: bytes, length: int | None, coding: str | None, expected: bytes
) -> None:
    body = StreamBody(BytesIO(sent), framing(length, coding), limits())
    assert body.read() == expected


@pytest.mark.parametrize(
    ("sent", "length", "coding", "error"),
    [
        pytest.param(b"", LIMIT + 1, None, TooLargeError, id="announced-too-large"),
        pytest.param(b"x" * (LIMIT + 1), None, None, TooLargeError, id="chunked-too-large"),
        pytest.param(b"abc", 4, None, InvalidRequestError, id="broken-off"),
        pytest.param(b"abc", "three", None, InvalidRequestError, id="no-number"),
        pytest.param(b"abc", "-3", None, InvalidRequestError, id="negative"),
        pytest.param(gzip.compress(b"x" * 10**6), None, "gzip", TooLargeError, id="bomb"),
        pytest.param(
            gzip.compress(b"x" * 600) * 2, None, "gzip", TooLargeError, id="bomb-of-members"
        ),
        pytest.param(b"abc", None, "gzip", InvalidRequestError, id="no-gzip"),
        pytest.param(gzip.compress(b"abc")[:-1], None, "gzip", InvalidRequestError, id="cut-gzip"),
        pytest.param(
            gzip.compress(b"abc") + b"x", None, "gzip", InvalidRequestError, id="gzip-and-more"
        ),
        pytest.param(b"abc", 3, "br", UnsupportedMediaTypeError, id="brotli"),
        pytest.param(b"abc", 3, "gzip, gzip", UnsupportedMediaTypeError, id="twice"),
    ],
)
def test_bodies_are_refused(
    sent: bytes, length: int | None, coding: str | None, error: type[FhirError]
) -> None:
    body = StreamBody(BytesIO(sent), framing(length, coding), limits())
    with pytest.raises(error):
        body.read()


def test_members_come_together_wherever_they_begin_and_end() -> None:
    members = [bytes([number % 256]) * (number * 37 % 9000) for number in range(300)]
    assert decompress(b"".join(map(gzip.compress, members)), 10**7) == b"".join(members)


def test_members_without_content_are_counted() -> None:
    with pytest.raises(TooLargeError, match="gzip members"):
        decompress(gzip.compress(b"") * 100_001, LIMIT)


def test_a_late_body_is_given_up_and_the_next_one_read(silent: BytesIO) -> None:
    shared = limits(deadline_s=0.02)
    late = StreamBody(silent, framing(3), shared)
    with pytest.raises(RequestTimeoutError):
        late.read()
    assert not late.settle()
    assert StreamBody(BytesIO(b"abc"), framing(3), limits()).read() == b"abc"


def test_senders_that_hold_on_exhaust_the_process_until_they_let_go() -> None:
    exhausted: list[bool] = []
    shared = BodyLimits(
        size_bytes=LIMIT,
        deadline_s=0.02,
        abandoned_limit=1,
        on_exhausted=lambda: exhausted.append(True),
    )
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb", buffering=0) as stream:
        with pytest.raises(RequestTimeoutError):
            StreamBody(stream, framing(3), shared).read()
        with pytest.raises(UnavailableError):
            StreamBody(BytesIO(b"abc"), framing(3), shared).read()
        assert exhausted == [True]
        os.close(writer)
        for thread in threading.enumerate():
            if thread.name == "body-reader":
                thread.join(10)
    assert StreamBody(BytesIO(b"abc"), framing(3), shared).read() == b"abc"


def test_bodies_beyond_the_slots_are_shed() -> None:
    shared = limits(slots=1)
    with shared.slot(), pytest.raises(UnavailableError) as caught:
        StreamBody(BytesIO(b"abc"), framing(3), shared).read()
    assert caught.value.headers[0][0] == "Retry-After"
    assert StreamBody(BytesIO(b"abc"), framing(3), shared).read() == b"abc"


def test_bodies_read_in_parts_leave_slots_for_others() -> None:
    """Their senders may take very long: the deadline begins anew with each part."""
    shared = limits(slots=4)
    slow = [StreamBody(BytesIO(b"abcd"), framing(4), shared).parts(2, 10) for _ in range(3)]
    assert [next(each) for each in slow[:2]] == [b"ab", b"ab"]
    with pytest.raises(UnavailableError) as caught:
        next(slow[2])
    assert caught.value.headers[0][0] == "Retry-After"
    assert StreamBody(BytesIO(b"abc"), framing(3), shared).read() == b"abc"
    assert [next(each) for each in slow[:2]] == [b"cd", b"cd"]
    assert [list(each) for each in slow[:2]] == [[], []]
    again = StreamBody(BytesIO(b"abcd"), framing(4), shared)
    assert list(again.parts(2, 10)) == [b"ab", b"cd"]


def test_few_wait_for_a_slot_and_the_others_are_shed_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who waits holds a thread, of which requests without a body need some."""
    monkeypatch.setattr("fhirserver.http.body._SLOT_WAIT_S", 60)
    shared = limits(slots=1)
    outcomes: SimpleQueue[bytes | FhirError] = SimpleQueue()

    def send() -> None:
        try:
            outcomes.put(StreamBody(BytesIO(b"abc"), framing(3), shared).read())
        except FhirError as refused:
            outcomes.put(refused)

    senders = [threading.Thread(target=send) for _ in range(7)]
    with shared.slot():
        for sender in senders:
            sender.start()
        shed = [outcomes.get(timeout=30) for _ in range(3)]
        assert {type(each) for each in shed} == {UnavailableError}
    assert [outcomes.get(timeout=30) for _ in range(4)] == [b"abc"] * 4


def test_what_the_stream_raises_reaches_the_reader() -> None:
    class Broken:
        def read(self, _size: int, /) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        StreamBody(Broken(), framing(3), limits()).read()


@pytest.mark.parametrize(
    ("sent", "length", "settled"),
    [
        pytest.param(b"abc", None, True, id="chunked"),
        pytest.param(b"x" * 10**6, None, False, id="chunked-and-much"),
        pytest.param(b"abc", 3, True, id="little"),
        pytest.param(b"ab", 3, False, id="broken-off"),
        pytest.param(b"x" * 10**6, 10**6, False, id="much"),
        pytest.param(b"", "x", False, id="no-number"),
        pytest.param(b"", 0, True, id="none"),
    ],
)
def test_a_body_that_nobody_wanted_is_drained_if_it_is_little(
    sent: bytes, length: int | str | None, settled: bool
) -> None:
    assert StreamBody(BytesIO(sent), framing(length), limits()).settle() is settled


def test_a_body_that_was_read_needs_no_draining() -> None:
    body = StreamBody(BytesIO(b"abc"), framing(), limits())
    body.read()
    assert body.settle()
