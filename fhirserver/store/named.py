"""Conditions of searches inside prepared statements by key. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fhirserver.search.conditions import Fragment


class Named(NamedTuple):
    """A condition whose values have names.

    Attributes:
        text: with `:reach0`, `:reach1` ... for its values.
        arguments: those, packed; every one travels as text and is cast where it stands.
    """

    text: str
    arguments: dict[str, bytes | None]


def named(fragment: Fragment | None) -> Named:
    """Give the values of a condition names; None stands for TRUE.

    Equal shapes of conditions give equal texts, which the connection has prepared.
    """
    if fragment is None:
        return Named("TRUE", {})
    first, *rest = fragment.text.split("%s")
    text = first
    arguments: dict[str, bytes | None] = {}
    for number, (value, following) in enumerate(zip(fragment.params, rest, strict=True)):
        name = f"reach{number}"
        arguments[name] = _packed(value)
        cast = "" if following.startswith("::") else _cast(value)
        text += f":{name}::text{cast}{following}"
    return Named(text, arguments)


def _cast(value: object) -> str:
    return "::bigint" if isinstance(value, int) else ""


def _packed(value: object) -> bytes:
    """Write a value as PostgreSQL reads it."""
    match value:
        case int():
            return b"%d" % value
        case str():
            return value.encode()
        case list() | tuple():
            return ("{" + ",".join(map(_element, value)) + "}").encode()
        case _:
            raise TypeError(type(value).__name__)


def _element(value: object) -> str:
    if isinstance(value, int):
        return str(value)
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
