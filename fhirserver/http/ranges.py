"""Range: a part of a content.

Spec: RFC 9110 section 14

    bytes=0-499   the first 500 octets      bytes=500-   from there to the end
    bytes=-500    the last 500

Of other units and of several ranges the whole is sent, as RFC 9110 allows.

With If-Range the whole is sent: what this server gives are weak entity tags, and those do not tell
that two representations are equal octet by octet.
"""

import re

from fhirserver.errors import RangeNotSatisfiableError
from fhirserver.http.request import Headers

_RANGE = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})", re.ASCII | re.IGNORECASE)


def wanted_range(headers: Headers, size_bytes: int) -> tuple[int, int] | None:
    """Read Range.

    Args:
        headers: of the request.
        size_bytes: of the content.

    Returns:
        First octet and the one behind the last; None for the whole.

    Raises:
        RangeNotSatisfiableError: nothing of the content is in it; carries Content-Range.
    """
    match = _RANGE.fullmatch((headers.get("range") or "").strip())
    if match is None or match[1] == match[2] == "" or headers.get("if-range") is not None:
        return None
    if match[1] == "":
        start, stop = max(size_bytes - int(match[2]), 0), size_bytes
    else:
        start = int(match[1])
        stop = min(int(match[2]) + 1, size_bytes) if match[2] else size_bytes
        if match[2] and int(match[2]) < start:
            return None
    if start >= stop:
        raise RangeNotSatisfiableError(
            f"Range {match[0]!r} is outside of the content, which has {size_bytes} octets.",
            expression=("http.Range",),
            headers=(("Content-Range", f"bytes */{size_bytes}"),),
        )
    return start, stop
