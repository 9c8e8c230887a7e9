"""A request as `handle` sees it: no server, no socket.

`path` follows the convention of WSGI: percent-decoded octets, one character each, so that octets
that are no UTF-8 reach the router and are refused there with an OperationOutcome.
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Protocol


class Headers(Protocol):
    """Header values by lower-case name; a header sent twice is joined by a comma."""

    def get(self, name: str) -> str | None:
        """Give a header's value, None where it is absent."""


class Body(Protocol):
    """A body that is read at most once, and only by the interaction that wants it."""

    def read(self) -> bytes:
        """Read it all, decompressed.

        Raises:
            TooLargeError, RequestTimeoutError, UnsupportedMediaTypeError, InvalidRequestError.
        """

    def parts(self, part_bytes: int, limit_bytes: int) -> Generator[bytes]:
        """Read it as it arrives and as it was sent, in parts of one size, the last maybe smaller.

        Args:
            part_bytes: size of a part.
            limit_bytes: of the whole, which must have a Content-Length.

        Raises:
            TooLargeError, RequestTimeoutError, InvalidRequestError.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: upper case, e.g. "GET".
        path: below the FHIR base, e.g. "/Patient/1"; octets as characters.
        query: what follows the question mark, still encoded; "" where there is none.
        headers: see `Headers`.
        body: see `Body`.
        address: network address of the caller.
        request_id: id of this request, already sanitised.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: Body
    address: str
    request_id: str


class HeaderMap:
    """Headers from a mapping whose names are in lower case."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def get(self, name: str) -> str | None:
        """Give a header's value, None where it is absent."""
        return self._values.get(name)


class BytesBody:
    """A body that is already here."""

    __slots__ = ("_content",)

    def __init__(self, content: bytes = b"") -> None:
        self._content = content

    def read(self) -> bytes:
        """Give the content."""
        return self._content

    def parts(self, part_bytes: int, limit_bytes: int) -> Generator[bytes]:
        """Give the content in parts."""
        assert len(self._content) <= limit_bytes
        for start in range(0, len(self._content), part_bytes):
            yield self._content[start : start + part_bytes]
