"""Compression of response bodies: zstd or gzip, as the caller accepts.

Spec: RFC 9110 section 12.5.3

Small bodies go out as they are: the headers would eat what is gained. So do a part of a body, which
is a part of the body as it is, and what is too large to be held at once. A caller that refuses the
body as it is (`identity;q=0`) gets small ones compressed too.
"""

import zlib
from functools import lru_cache
from typing import Literal

from fhirserver.errors import NotAcceptableError
from fhirserver.http.negotiation import parse_quality
from fhirserver.http.response import Response

Coding = Literal["zstd", "gzip"]

THRESHOLD_BYTES = 1024
_CODINGS: tuple[Coding, ...] = ("zstd", "gzip")
_HEADER_LIMIT = 200
_LEAST = 0.0001
"""Quality of identity where the caller does not speak of it: fine, after all that it names."""


def compress(response: Response, accept_encoding: str | None) -> None:
    """Compress a response in place where the caller accepts it and it pays."""
    if not accept_encoding or len(accept_encoding) > _HEADER_LIMIT or not response.body:
        return
    coding, plain = choose_coding(accept_encoding)
    small = len(response.body) < THRESHOLD_BYTES
    if coding is None or (small and plain) or response.status == 206:
        return
    response.body = _zstd(response.body) if coding == "zstd" else _gzip(response.body)
    response.headers.append(("Content-Encoding", coding))


def check_coding(accept_encoding: str | None) -> None:
    """Refuse a request whose answer could go out in no coding that its caller accepts.

    Raises:
        NotAcceptableError: neither as it is, nor as zstd or gzip.
    """
    if not accept_encoding or len(accept_encoding) > _HEADER_LIMIT:
        return
    if choose_coding(accept_encoding) == (None, False):
        raise NotAcceptableError(
            f"Accept-Encoding {accept_encoding!r} leaves nothing that can be sent; accept zstd, "
            "gzip or identity.",
            expression=("http.Accept-Encoding",),
        )


@lru_cache(maxsize=128)
def choose_coding(accept_encoding: str) -> tuple[Coding | None, bool]:
    """Choose a coding: the highest quality, zstd before gzip.

    Returns:
        The coding, None for the body as it is; and whether that is acceptable.
    """
    qualities: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameter = (text.strip() for text in part.partition(";"))
        quality = parse_quality(parameter.removeprefix("q=") if parameter else None)
        qualities[name.removeprefix("x-")] = quality
    other = qualities.get("*", 0.0)
    plain = qualities.get("identity", _LEAST if "*" not in qualities else min(other, _LEAST))
    ranked = [(qualities.get(coding, other), coding) for coding in _CODINGS]
    quality, coding = max(ranked, key=lambda pair: pair[0])
    return (coding if quality > 0.0 and quality >= plain else None), plain > 0.0


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(level=3, wbits=31)
    return compressor.compress(body) + compressor.flush()


def _zstd(body: bytes) -> bytes:
    # Loaded with the first caller that accepts it; a compressor serves one thread at a time.
    import zstandard

    return zstandard.ZstdCompressor(level=3).compress(body)
