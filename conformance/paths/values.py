"""What a path or an expression finds, and how it looks as text.

A value is a string, a Boolean, a number (int or Decimal), or JSON for what has parts.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from fhirserver.model.json import write_json

_SHOWN_ITEMS = 5
_SHOWN_CHARACTERS = 200

Value = Any


_PLAIN = (bool, int, str, Decimal, dict, list)


class PathError(Exception):
    """A body or a path cannot be read, or the one does not fit the other."""


def text_of(value: Value) -> str:
    """Write a value as scripts do: true, 1.50, 2012-01-01, JSON for what has parts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return write_json(value).decode("utf-8")
    if isinstance(value, dict | list):
        return write_json(value).decode("utf-8")
    return str(value)


def plain(item: Any) -> Value:
    """Make a value of what an engine has found."""
    if isinstance(item, float):
        return Decimal(repr(item))
    return item if isinstance(item, _PLAIN) else str(item)


def is_primitive(value: Value) -> bool:
    """Tell whether a value has no parts."""
    return not isinstance(value, dict | list)


def shown(text: str) -> str:
    """Quote a text for a message, shortened to what a line can hold."""
    if len(text) > _SHOWN_CHARACTERS:
        return f"'{text[:_SHOWN_CHARACTERS]}' … ({len(text)} characters)"
    return f"'{text}'"


def shown_all(values: Sequence[Value]) -> str:
    """Quote what was found, e.g. "'a', 'b'"; "nothing" where that is nothing."""
    if not values:
        return "nothing"
    listed = ", ".join(shown(text_of(value)) for value in values[:_SHOWN_ITEMS])
    rest = len(values) - _SHOWN_ITEMS
    return f"{listed} and {rest} more" if rest > 0 else listed
