"""Parameters as text, whose types the statement knows. Pure."""

from __future__ import annotations

from decimal import Decimal


def parameter_text(value: object) -> bytes | None:
    """Write a parameter as PostgreSQL reads it."""
    match value:
        case str():
            return value.encode()
        case int():
            return b"%d" % value
        case None:
            return None
        case list() | tuple():
            return ("{" + ",".join(map(_element, value)) + "}").encode()
        case Decimal():
            return str(value).encode()
        case _:
            raise TypeError(type(value).__name__)


def _element(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
