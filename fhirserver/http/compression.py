"""Compression of response bodies: zstd or gzip, as the caller accepts.

Spec: RFC 9110 section 12.5.3

Small bodies go out as they are: the headers would eat what is gained. So do a part of a body, which
is a part of the body as it is, and what is too large to be held at once.
"""

import zlib
from functools import lru_cache
from typing import Literal

from fhirserver.http.negotiation import parse_quality
from fhirserver.http.response import Response

Coding = Literal["zstd", "gzip"]

THRESHOLD_BYTES = 1024
_CODINGS: tuple[Coding, ...] = ("zstd", "gzip")
_HEADER_LIMIT = 200


def compress(response: Response, accept_encoding: str | None) -> None:
    """Compress a response in place where the caller accepts it and it pays."""
    if not accept_encoding or len(response.body) < THRESHOLD_BYTES or response.status == 206:
        return
    coding = choose_coding(accept_encoding) if len(accept_encoding) <= _HEADER_LIMIT else None
    if coding is None:
        return
    response.body = _zstd(response.body) if coding == "zstd" else _gzip(response.body)
    response.headers.append(("Content-Encoding", coding))


@lru_cache(maxsize=128)
def choose_coding(accept_encoding: str) -> Coding | None:
    """Choose a coding: the highest quality, zstd before gzip; None for identity."""
    qualities: dict[str, float] = {}
    for part in accept_encoding.lower().split(","):
        name, _, parameter = (text.strip() for text in part.partition(";"))
        qualities[name] = parse_quality(parameter.removeprefix("q=") if parameter else None)
    other = qualities.get("*", 0.0)
    ranked = [(qualities.get(coding, other), coding) for coding in _CODINGS]
    quality, coding = max(ranked, key=lambda pair: pair[0])
    return coding if quality > 0.0 else None


def _gzip(body: bytes) -> bytes:
    compressor = zlib.compressobj(level=3, wbits=31)
    return compressor.compress(body) + compressor.flush()


def _zstd(body: bytes) -> bytes:
    # Loaded with the first caller that accepts it; a compressor serves one thread at a time.
    import zstandard

    return zstandard.ZstdCompressor(level=3).compress(body)
