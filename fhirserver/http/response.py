"""A response as `handle` gives it back."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

Header = tuple[str, str]


@dataclass(slots=True)
class Stream:
    """A body that is made while it leaves.

    Attributes:
        length_bytes: of all parts together.
        parts: read once; closed when the answer has left or broken off.
    """

    length_bytes: int
    parts: Iterator[bytes]


@dataclass(slots=True)
class Response:
    """One HTTP response.

    Attributes:
        status: e.g. 200.
        headers: in the order in which they go out.
        body: complete; the server drops it for HEAD and keeps its Content-Length.
        stream: what leaves in place of `body` where that would be too much at once.
    """

    status: int
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""
    stream: Stream | None = None

    @property
    def length_bytes(self) -> int:
        """Size of what leaves."""
        return len(self.body) if self.stream is None else self.stream.length_bytes

    def header(self, name: str) -> str | None:
        """Give the first value of a header, by any case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
"""What WSGI wants to hear, e.g. "404 Not Found"."""
