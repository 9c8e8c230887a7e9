"""A response as `handle` gives it back."""

from dataclasses import dataclass, field
from http import HTTPStatus

Header = tuple[str, str]


@dataclass(slots=True)
class Response:
    """One HTTP response.

    Attributes:
        status: e.g. 200.
        headers: in the order in which they go out.
        body: complete; the server drops it for HEAD and keeps its Content-Length.
    """

    status: int
    headers: list[Header] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str | None:
        """Give the first value of a header, by any case of its name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)


STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
"""What WSGI wants to hear, e.g. "404 Not Found"."""
