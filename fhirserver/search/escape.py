r"""Commas, bars and backslashes in search values.

Spec: https://hl7.org/fhir/R4/search.html#escaping

A comma separates alternatives, `|` the parts of a token, `$` those of a composite; `\,` `\|` `\$`
and `\\` stand for the characters themselves. A backslash before anything else stands for itself.
"""

import re

_SPECIAL = re.compile(r"([,|$\\])")
_ESCAPED = re.compile(r"\\([,|$\\])")


def split(text: str, separator: str) -> list[str]:
    r"""Split at a separator that no backslash escapes; the parts stay escaped.

    Example: `a,b\,c` at `,` gives `a` and `b\,c`.
    """
    if "\\" not in text:
        return text.split(separator)
    parts: list[str] = []
    part = ""
    position = 0
    while position < len(text):
        if _ESCAPED.match(text, position):
            part += text[position : position + 2]
            position += 2
            continue
        if text[position] == separator:
            parts.append(part)
            part = ""
        else:
            part += text[position]
        position += 1
    return [*parts, part]


def unescape(text: str) -> str:
    """Take the escapes out of one part."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text


def escape(text: str) -> str:
    """Escape a text so that it is one part again."""
    return _SPECIAL.sub(r"\\\1", text)
