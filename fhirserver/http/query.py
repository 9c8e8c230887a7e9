"""Query strings and form bodies: pairs of decoded names and values, in their order.

Spec: https://hl7.org/fhir/R4/search.html#Introduction, the application/x-www-form-urlencoded rules

Decoding is strict: a broken percent escape, octets that are no UTF-8 and NUL are refused, because
each of them would otherwise turn into a search for something else than the caller meant.
"""

import re
from urllib.parse import unquote_to_bytes

from fhirserver.errors import InvalidRequestError, TooLargeError

Parameters = list[tuple[str, str]]

PARAMETERS_LIMIT = 1000
_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


def parse_query(text: str) -> Parameters:
    """Take a query string or form body apart; nothing between two `&` is no parameter.

    Raises:
        InvalidRequestError: a broken percent escape, octets that are no UTF-8, or NUL.
        TooLargeError: more than `PARAMETERS_LIMIT` parameters.
    """
    if not text:
        return []
    pairs = text.split("&")
    if len(pairs) > PARAMETERS_LIMIT:
        raise TooLargeError(
            f"The request has {len(pairs)} parameters; {PARAMETERS_LIMIT} are the limit."
        )
    found = []
    for pair in pairs:
        name, _, value = pair.partition("=")
        if name:
            found.append((_decode(name), _decode(value)))
        elif pair:
            raise InvalidRequestError(
                f"The parameter {pair[:100]!r} has no name; write name=value.",
                expression=("http.query",),
            )
    return found


def first_value(parameters: Parameters, name: str) -> str | None:
    """Give the first value of a parameter; None where it is absent."""
    return next((value for key, value in parameters if key == name), None)


def _decode(text: str) -> str:
    if "%" not in text and "+" not in text and text.isascii() and text.isprintable():
        return text
    broken = _BROKEN_ESCAPE.search(text)
    if broken is not None:
        raise _undecodable(text, "has a percent sign that no two hexadecimal digits follow")
    octets = unquote_to_bytes(text.replace("+", " ").encode("latin-1", "replace"))
    try:
        decoded = octets.decode("utf-8")
    except UnicodeDecodeError:
        raise _undecodable(text, "is not UTF-8 once decoded") from None
    if "\0" in decoded:
        raise _undecodable(text, "holds NUL")
    return decoded


def _undecodable(text: str, fault: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"The parameter text {text[:100]!r} {fault}; encode it as UTF-8 with percent escapes.",
        expression=("http.query",),
    )
