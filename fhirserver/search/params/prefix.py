"""Prefixes of date, number and quantity values.

Spec: https://hl7.org/fhir/R4/search.html#prefix
"""

import re
from typing import Literal, get_args

Prefix = Literal["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
PREFIXES: tuple[Prefix, ...] = get_args(Prefix)

_PATTERN = re.compile(r"([A-Za-z]{2})(?=[-+.0-9])", re.ASCII)


def split_prefix(text: str) -> tuple[Prefix | None, str]:
    """Split a value into its prefix, None when it has none, and the rest.

    Raises:
        ValueError: two letters that are no prefix.
    """
    match = _PATTERN.match(text)
    if match is None:
        return None, text
    for prefix in PREFIXES:
        if prefix == match[1]:
            return prefix, text[2:]
    raise ValueError(f"{match[1]!r} is no prefix; use one of {', '.join(PREFIXES)}")
