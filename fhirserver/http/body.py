"""Request bodies from a blocking stream: size, deadline, gzip, truncation.

Spec: RFC 9110 sections 8.4 and 15.5

The server below blocks while octets are missing and tells neither that a body is late nor that it
broke off. So a companion thread reads while the request's own thread waits with a deadline; once
the answer has gone out with `Connection: close`, the server ends the companion's wait too. One
slow sender costs two threads for at most `deadline_s`; `slots` bounds how many do at a time, so
that requests without a body always find a thread.
"""

import threading
import zlib
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from fhirserver.errors import (
    FhirError,
    InvalidRequestError,
    RequestTimeoutError,
    TooLargeError,
    UnavailableError,
    UnsupportedMediaTypeError,
)

_CHUNK = 256 * 1024
_DRAINED_BYTES = 64 * 1024


class Stream(Protocol):
    """A blocking source of octets; b"" is its end."""

    def read(self, size: int, /) -> bytes:
        """Give up to `size` octets."""


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
        slots: bodies that may be arriving at a time.
        slot_wait_s: how long a body waits for a slot before 503.
    """

    def __init__(
        self, *, size_bytes: int, deadline_s: float, slots: int = 24, slot_wait_s: float = 1.0
    ) -> None:
        self.size_bytes = size_bytes
        self.deadline_s = deadline_s
        self.slot_wait_s = slot_wait_s
        self.slots = threading.BoundedSemaphore(slots)


class StreamBody:
    """A body that arrives from a stream."""

    __slots__ = ("_framing", "_is_drained", "_limits", "_stream")

    def __init__(self, stream: Stream, framing: BodyFraming, limits: BodyLimits) -> None:
        self._stream = stream
        self._framing = framing
        self._limits = limits
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
        raw = self._arrive(size_limit)
        if announced is not None and len(raw) < announced:
            raise InvalidRequestError(
                f"The body broke off after {len(raw)} of {announced} octets; send it again.",
                expression=("http.Content-Length",),
            )
        self._is_drained = True
        return raw if encoding == "identity" else decompress(raw, size_limit)

    def settle(self) -> bool:
        """Read what nobody wanted, if that is little.

        Returns:
            Whether the connection can carry another request; if not, it must be closed.
        """
        if self._is_drained:
            return True
        announced = self._framing.content_length or ""
        if announced.isdecimal() and int(announced) <= _DRAINED_BYTES:
            try:
                self._is_drained = len(self._arrive(_DRAINED_BYTES)) == int(announced)
            except FhirError:
                return False
        return self._is_drained

    def _arrive(self, size_limit: int) -> bytes:
        limits = self._limits
        if not limits.slots.acquire(timeout=limits.slot_wait_s):
            raise UnavailableError("Too many request bodies are arriving at once; try again.")
        try:
            outcome = _companion().read(self._stream, size_limit, limits.deadline_s)
        finally:
            limits.slots.release()
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def decompress(raw: bytes, size_limit: int) -> bytes:
    """Decompress a gzip body of one or more members.

    Raises:
        TooLargeError: it would grow beyond `size_limit`.
        InvalidRequestError: not gzip, broken off, or with something else behind it.
    """
    parts = []
    room = size_limit
    while raw:
        member = zlib.decompressobj(wbits=31)
        try:
            part = member.decompress(raw, room + 1)
        except zlib.error:
            raise _not_gzip() from None
        room -= len(part)
        if room < 0:
            raise _too_large(size_limit)
        if not member.eof:
            raise _not_gzip()
        parts.append(part)
        raw = member.unused_data
    return b"".join(parts)


class _Companion:
    """A thread that reads for another one."""

    def __init__(self) -> None:
        self._wanted: SimpleQueue[tuple[Stream, int] | None] = SimpleQueue()
        self._found: SimpleQueue[bytes | Exception] = SimpleQueue()
        threading.Thread(target=self._work, name="body-reader", daemon=True).start()

    def read(self, stream: Stream, size_limit: int, deadline_s: float) -> bytes | Exception:
        self._wanted.put((stream, size_limit))
        try:
            return self._found.get(timeout=deadline_s)
        except Empty:
            # It still waits for octets; it ends by itself once the connection is closed.
            self._wanted.put(None)
            _threads.companion = None
            return RequestTimeoutError(
                f"The body did not arrive within {deadline_s:g} s; send it faster or in parts.",
            )

    def _work(self) -> None:
        while (task := self._wanted.get()) is not None:
            try:
                self._found.put(_read_all(*task))
            except Exception as error:  # noqa: BLE001 - it is raised again by the request's thread
                self._found.put(error)
            del task


class _Threads(threading.local):
    companion: _Companion | None = None


_threads = _Threads()


def _companion() -> _Companion:
    companion = _threads.companion
    if companion is None:
        companion = _threads.companion = _Companion()
    return companion


def _read_all(stream: Stream, size_limit: int) -> bytes:
    parts = []
    size = 0
    while part := stream.read(_CHUNK):
        size += len(part)
        if size > size_limit:
            raise _too_large(size_limit)
        parts.append(part)
    return b"".join(parts)


def _length(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()):
        raise InvalidRequestError(
            f"Content-Length {text[:50]!r} is not a number.",
            expression=("http.Content-Length",),
        )
    return int(text)


def _too_large(size_limit: int) -> FhirError:
    return TooLargeError(
        f"The body is larger than {size_limit} octets, the limit of this server; send it in parts.",
    )


def _not_gzip() -> FhirError:
    return InvalidRequestError(
        "The body is not gzip although Content-Encoding says so, or it broke off.",
        expression=("http.Content-Encoding",),
    )
