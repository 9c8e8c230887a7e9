"""Parameters as text, whose types the statement knows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
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
            return _array(value).encode()
        case Decimal():
            return str(value).encode()
        case _:
            raise TypeError(type(value).__name__)


def with_arrays_as_text(params: Sequence[object]) -> list[object]:
    """Write the lists among parameters as PostgreSQL reads them, and leave the rest to psycopg.

    Long ones stand in a statement several times, and psycopg looks at each element each time.
    """
    return [_array(each) if isinstance(each, list) else each for each in params]


def _array(values: Sequence[object]) -> str:
    texts = [each for each in values if isinstance(each, str)]
    joined = '","'.join(texts)
    is_plain = "\\" not in joined and joined.count('"') == 2 * (len(texts) - 1)
    if is_plain and len(texts) == len(values):
        return f'{{"{joined}"}}'
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
