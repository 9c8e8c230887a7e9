"""Request bodies from a blocking stream: size, deadline, gzip, truncation.

Spec: RFC 9110 sections 8.4 and 15.5

The server below blocks while octets are missing and tells neither that a body is late nor that it
broke off. So a companion thread reads while the request's own thread waits with a deadline. `slots`
bounds how many bodies arrive at a time, so that requests without a body always find a thread.

A companion whose body is late is abandoned: nothing can interrupt it, it ends when its sender sends
the rest or closes. Until then it holds the request's own thread too, which waits in `release` after
the answer has left: if a request ends while somebody reads its body, granian 2.8 waits for that
with the interpreter's lock in hand. Where `abandoned_limit` senders hold on, `on_exhausted` is
called, whose business it is to replace the process; until that is done bodies are refused with 503,
and requests without a body are served on.

    threads of the server > slots + abandoned_limit + slots that are abandoned just then
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fhirserver.errors import (
    FhirError,
    InvalidRequestError,
    RequestTimeoutError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaTypeError,
)
from fhirserver.http.body_companion import Companion, Stream, lend_companion, return_companion

_DRAINED_BYTES = 64 * 1024
_DRAIN_DEADLINE_S = 2.0
_SLOT_WAIT_S = 1.0
_WAITING_MAX = 4
_SLICE_BYTES = 4096
_MEMBERS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class BodyFraming:
    """The headers that say how a body travels; None where absent."""

    content_length: str | None
    transfer_encoding: str | None
    content_encoding: str | None


class BodyLimits:
    """Limits that all requests of a process share.

    Args:
        size_bytes: of a body, also once decompressed.
        deadline_s: within which a body must have arrived.
        slots: bodies that may be arriving at a time; see the module. A few more may wait for a
            slot, the others are refused at once. Half of them at most are for bodies that are read
            in parts, whose deadline begins anew with each.
        abandoned_limit: late bodies whose senders hold on; see the module.
        on_exhausted: called when that limit is reached, maybe more than once.
    """

    def __init__(
        self,
        *,
        size_bytes: int,
        deadline_s: float,
        slots: int = 24,
        abandoned_limit: int = 16,
        on_exhausted: Callable[[], None] | None = None,
    ) -> None:
        self.size_bytes = size_bytes
        self.deadline_s = deadline_s
        self.slots = threading.BoundedSemaphore(slots)
        self._uploads = threading.BoundedSemaphore(max(1, slots // 2))
        self._waiting = threading.BoundedSemaphore(_WAITING_MAX)
        self._abandoned: set[Companion] = set()
        self._abandoned_limit = abandoned_limit
        self._on_exhausted = on_exhausted

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a slot while a body arrives.

        Raises:
            UnavailableError: none is free within a second, or too many senders hold on.
        """
        if len(self._abandoned) >= self._abandoned_limit:
            raise _too_many()
        if not self.slots.acquire(blocking=False):
            self._wait_for_slot()
        try:
            yield
        finally:
            self.slots.release()

    @contextmanager
    def upload_slot(self) -> Iterator[None]:
        """Hold one of the slots that are left to bodies read in parts.

        Raises:
            UnavailableError: none is free.
        """
        if not self._uploads.acquire(blocking=False):
            raise _too_many()
        try:
            with self.slot():
                yield
        finally:
            self._uploads.release()

    def _wait_for_slot(self) -> None:
        if not self._waiting.acquire(blocking=False):
            raise _too_many()
        try:
            if not self.slots.acquire(timeout=_SLOT_WAIT_S):
                raise _too_many()
        finally:
            self._waiting.release()

    def abandon(self, companion: Companion) -> None:
        """Remember a companion until its sender lets go."""
        self._abandoned.add(companion)
        companion.finish(lambda: self._abandoned.discard(companion))
        if len(self._abandoned) >= self._abandoned_limit and self._on_exhausted is not None:
            self._on_exhausted()


class StreamBody:
    """A body that arrives from a stream."""

    __slots__ = ("_abandoned", "_framing", "_is_drained", "_is_touched", "_limits", "_stream")

    def __init__(self, stream: Stream, framing: BodyFraming, limits: BodyLimits) -> None:
        self._stream = stream
        self._framing = framing
        self._limits = limits
        self._abandoned: Companion | None = None
        self._is_touched = False
        self._is_drained = framing.transfer_encoding is None and framing.content_length in (
            None,
            "0",
        )

    def read(self) -> bytes:
        """Read it all, decompressed.

        Raises:
            TooLargeError: more than the limit, before or after decompression.
            RequestTimeoutError: not here within the deadline.
            UnsupportedMediaTypeError: a Content-Encoding other than gzip.
            InvalidRequestError: broken off, or no gzip.
            UnavailableError: too many bodies are arriving at once.
        """
        encoding = (self._framing.content_encoding or "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            raise UnsupportedMediaTypeError(
                f"Content-Encoding {encoding[:50]!r} is not read here; use gzip or none.",
                expression=("http.Content-Encoding",),
                headers=(("Accept-Encoding", "gzip"),),
            )
        if self._is_drained:
            return b""
        announced = _length(self._framing.content_length)
        size_limit = self._limits.size_bytes
        if announced is not None and announced > size_limit:
            raise _too_large(size_limit)
        raw = self._arrive(size_limit, self._limits.deadline_s)
        if announced is not None and len(raw) < announced:
            raise _broken_off(len(raw), announced)
        self._is_drained = True
        return raw if encoding == "identity" else decompress(raw, size_limit)

    def parts(self, part_bytes: int, limit_bytes: int) -> Generator[bytes]:
        """Read it as it arrives, as it was sent; the deadline counts for each part.

        Args:
            part_bytes: size of every part but the last.
            limit_bytes: of the whole; it needs a Content-Length.

        Raises:
            TooLargeError: more than the limit is announced.
            RequestTimeoutError: a part is not here within the deadline.
            InvalidRequestError: broken off, or without a length.
            UnavailableError: too many bodies are arriving at once.
        """
        announced = _length(self._framing.content_length or "")
        assert announced is not None
        if announced > limit_bytes:
            raise _too_large(limit_bytes)
        arrived = 0
        with self._limits.upload_slot():
            while arrived < announced:
                wanted = min(part_bytes, announced - arrived)
                part = self._await(wanted, self._limits.deadline_s)
                arrived += len(part)
                if len(part) < wanted:
                    raise _broken_off(arrived, announced)
                yield part
        self._is_drained = True

    def settle(self, *, wait: bool = True) -> bool:
        """Read what nobody wanted, if that is little.

        Args:
            wait: False leaves the body unread where there is one: nobody waits for the body of a
                request that was refused because there are too many.

        Returns:
            Whether the connection can carry another request; if not, it must be closed.
        """
        if self._is_drained or self._is_touched or not wait:
            return self._is_drained
        try:
            announced = _length(self._framing.content_length)
            if announced is None or announced <= _DRAINED_BYTES:
                raw = self._arrive(_DRAINED_BYTES, _DRAIN_DEADLINE_S)
                self._is_drained = announced in (None, len(raw))
        except FhirError:
            return False
        return self._is_drained

    @property
    def is_late(self) -> bool:
        """Whether somebody still waits for it; then `release` is due after the answer."""
        return self._abandoned is not None

    def release(self) -> None:
        """Wait until nobody reads it any more: its sender has sent the rest or let go."""
        if self._abandoned is not None:
            self._abandoned.join()

    def _arrive(self, size_limit: int, deadline_s: float) -> bytes:
        with self._limits.slot():
            # A read gives nothing before it has all that it asked for: never ask for more.
            raw = self._await(size_limit + 1, deadline_s)
        if len(raw) > size_limit:
            raise _too_large(size_limit)
        return raw

    def _await(self, size_bytes: int, deadline_s: float) -> bytes:
        """Wait for so many octets, or for the end; the caller holds a slot."""
        self._is_touched = True
        companion = lend_companion()
        outcome = companion.read(self._stream, size_bytes, deadline_s)
        if outcome is None:
            self._abandoned = companion
            self._limits.abandon(companion)
            raise RequestTimeoutError(
                f"The body did not arrive within {deadline_s:g} s; send it faster or in parts."
            )
        return_companion(companion)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def decompress(raw: bytes, size_limit: int) -> bytes:
    """Decompress a gzip body of one or more members.

    zlib copies what stands behind a member, so it is fed in slices: else many small members would
    take time by the square of their number.

    Raises:
        TooLargeError: it would grow beyond `size_limit`, or has too many members.
        InvalidRequestError: not gzip, broken off, or with something else behind it.
    """
    parts: list[bytes] = []
    room = size_limit
    members = 1
    member = zlib.decompressobj(wbits=31)
    for start in range(0, len(raw), _SLICE_BYTES):
        rest = raw[start : start + _SLICE_BYTES]
        while rest:
            if member.eof:
                members += 1
                member = zlib.decompressobj(wbits=31)
            part = _decompress(member, rest, room)
            room -= len(part)
            if room < 0:
                raise _too_large(size_limit)
            if members > _MEMBERS_MAX:
                raise _too_many_members()
            parts.append(part)
            rest = member.unused_data
    if raw and not member.eof:
        raise _not_gzip()
    return b"".join(parts)


def _decompress(member: zlib._Decompress, raw: bytes, room: int) -> bytes:
    """Go on with a member; one octet more than there is room for tells that it is too large."""
    try:
        return member.decompress(raw, room + 1)
    except zlib.error:
        raise _not_gzip() from None


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequestError(
            f"Content-Length {text[:50]!r} is not a number.",
            expression=("http.Content-Length",),
        )
    return int(text)


def _broken_off(arrived: int, announced: int) -> FhirError:
    return InvalidRequestError(
        f"The body broke off after {arrived} of {announced} octets; send it again.",
        expression=("http.Content-Length",),
    )


def _too_large(size_limit: int) -> FhirError:
    return TooLargeError(
        f"The body is larger than {size_limit} octets, the limit of this server; send it in parts.",
    )


def _too_many_members() -> FhirError:
    return TooLargeError(
        f"The body has more than {_MEMBERS_MAX} gzip members; compress it as one.",
        expression=("http.Content-Encoding",),
    )


def _too_many() -> FhirError:
    return UnavailableError("Too many request bodies are arriving at once; try again.")


def _not_gzip() -> FhirError:
    return InvalidRequestError(
        "The body is not gzip although Content-Encoding says so, or it broke off.",
        expression=("http.Content-Encoding",),
    )
