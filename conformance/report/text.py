"""Text of a server under test, made fit to be shown. It is hostile until it has been here.

Spec: https://www.w3.org/TR/xml/#charsets and https://hl7.org/fhir/R4/datatypes.html#string

Terminals obey control characters, XML forbids them, and so does a FHIR string. What a log keeps of
them is their picture: U+0007 becomes "␇". What no file in UTF-8 may hold becomes "�".
"""

import re

LIMIT_CHARACTERS = 8_000

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BLANKS = re.compile(r"\s+")


def shown(text: str, limit: int = LIMIT_CHARACTERS) -> str:
    """Replace what may not be shown, and cut what is longer than `limit` characters. Pure."""
    if len(text) > limit:
        text = f"{text[:limit]}…"
    return _FORBIDDEN.sub(_picture, text)


def in_a_line(text: str, limit: int = 400) -> str:
    """Make one line of it, likewise. Pure."""
    return shown(_BLANKS.sub(" ", text).strip(), limit)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else "\ufffd"
