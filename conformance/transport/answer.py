"""Reading an answer that may lie about itself.

Spec: https://www.rfc-editor.org/rfc/rfc9112#section-6 and
https://www.rfc-editor.org/rfc/rfc9110#section-8.4

A body is whole when it is as long as Content-Length says, or its last chunk came, or the
connection was closed where neither is given; and when its compression came to its end.
"""

import http.client
import zlib
from dataclasses import dataclass

from fhirserver_conformance.results import Headers

_CHUNK_BYTES = 64 * 1024
_GZIP = ("gzip", "x-gzip")
_EITHER_WINDOW = zlib.MAX_WBITS | 32


@dataclass(frozen=True, slots=True)
class Answer:
    """What came; see `Exchange`.

    Attributes:
        keeps_connection: whether another request may follow on it.
    """

    status: int | None = None
    headers: Headers = ()
    body: bytes = b""
    failure: str | None = None
    keeps_connection: bool = False


def read_answer(connection: http.client.HTTPConnection, limit_bytes: int) -> Answer:
    """Read an answer to its end.

    Args:
        connection: on which a request was sent.
        limit_bytes: of the body after decompression.

    Raises:
        HTTPException, OSError: there is no status line, or no end to the headers; where only the
            body is wrong, that is the answer's failure.
    """
    response = connection.getresponse()
    headers = tuple(response.getheaders())
    body = bytearray()
    try:
        failure = _wrong_length(response) or _read_body(response, body, limit_bytes)
    except TimeoutError:
        failure = f"the answer was not whole in time; {len(body)} bytes had come"
    except (http.client.HTTPException, OSError, ValueError, zlib.error) as error:
        failure = f"the body broke off after {len(body)} bytes: {type(error).__name__}: {error}"
    keeps = not response.will_close
    response.close()
    return Answer(response.status, headers, bytes(body), failure, keeps)


def _wrong_length(response: http.client.HTTPResponse) -> str | None:
    lengths = {length.strip() for length in response.headers.get_all("Content-Length", [])}
    if len(lengths) > 1:
        return f"several lengths are given: {', '.join(sorted(lengths))}"
    if any(not length.isdecimal() for length in lengths):
        return f"the Content-Length is no number: {', '.join(lengths)}"
    return None


def _read_body(response: http.client.HTTPResponse, body: bytearray, limit_bytes: int) -> str | None:
    """Read into `body`; give what is wrong, or None."""
    decoder = _decoder(response.headers.get("Content-Encoding", ""))
    if decoder is None:
        return f"Content-Encoding {response.headers['Content-Encoding']} was not asked for"
    too_long = f"the answer is longer than {limit_bytes} bytes"
    while chunk := response.read1(_CHUNK_BYTES):
        body += decoder.decode(chunk, limit_bytes + 1 - len(body))
        if len(body) > limit_bytes:
            del body[limit_bytes:]
            return too_long
    if response.length:
        return f"{response.length} bytes of the Content-Length did not come"
    return decoder.unfinished()


class _Plain:
    """A body that is not compressed."""

    def decode(self, chunk: bytes, _limit_bytes: int) -> bytes:
        """Give a part of the body."""
        return chunk

    def unfinished(self) -> str | None:
        """Give why the body is not whole, or None."""
        return None


class _Zipped(_Plain):
    """A body in gzip or deflate; gives no more than what is asked for, whatever it unpacks to."""

    def __init__(self, window: int) -> None:
        self._unpacking = zlib.decompressobj(window)
        self._begun = False

    def decode(self, chunk: bytes, limit_bytes: int) -> bytes:
        """Unpack a part of the body, up to a number of bytes."""
        self._begun = True
        found = bytearray()
        while chunk and len(found) < limit_bytes:
            if self._unpacking.eof:
                self._unpacking = zlib.decompressobj(_EITHER_WINDOW)
            found += self._unpacking.decompress(chunk, limit_bytes - len(found))
            chunk = self._unpacking.unconsumed_tail or self._unpacking.unused_data
        return bytes(found)

    def unfinished(self) -> str | None:
        """Give why the body is not whole, or None."""
        if self._begun and not self._unpacking.eof:
            return "the compressed body breaks off"
        return None


def _decoder(encoding: str) -> _Plain | None:
    """Give what undoes a Content-Encoding; None for one that is not known."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return _Plain()
    return _Zipped(_EITHER_WINDOW) if name in (*_GZIP, "deflate") else None
