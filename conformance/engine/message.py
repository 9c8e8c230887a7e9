"""A request, a response or a fixture, as asserts and variables look at it."""

from dataclasses import dataclass

from fhirserver_conformance.engine.media import format_of
from fhirserver_conformance.paths.document import Document
from fhirserver_conformance.results import Exchange, Headers


@dataclass(frozen=True, slots=True)
class Message:
    """What a sourceId means.

    Attributes:
        label: names it in messages, e.g. "the response", "fixture 'patient'".
        document: its body.
        headers: in order; none for a fixture.
        status: of HTTP; None for requests and fixtures.
        method: of HTTP; "" for a fixture.
        url: absolute; "" for a fixture.
        failure: why there is no whole answer; None where there is one, and for what was no answer.
    """

    label: str
    document: Document
    headers: Headers = ()
    status: int | None = None
    method: str = ""
    url: str = ""
    failure: str | None = None

    def header(self, name: str) -> str | None:
        """Give a header by its name in any case; several are joined by ", "."""
        found = [value for each, value in self.headers if each.lower() == name.lower()]
        return ", ".join(found) if found else None


def response_of(exchange: Exchange, label: str = "the response") -> Message:
    """Give the half that came back."""
    return Message(
        label=label,
        document=_document(exchange.response_body, exchange.header("Content-Type"), label),
        headers=exchange.response_headers,
        status=exchange.status,
        method=exchange.method,
        url=exchange.url,
        failure=exchange.failure,
    )


def request_of(exchange: Exchange, label: str = "the request") -> Message:
    """Give the half that was sent."""
    content_type = exchange.request_header("Content-Type")
    return Message(
        label=label,
        document=_document(exchange.request_body, content_type, label),
        headers=exchange.request_headers,
        method=exchange.method,
        url=exchange.url,
    )


def _document(body: bytes, content_type: str | None, label: str) -> Document:
    return Document(body, format_of(content_type or ""), f"the body of {label}")
