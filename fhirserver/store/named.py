"""Conditions of searches inside prepared statements by key. Pure."""

from __future__ import annotations

from typing import NamedTuple

from fhirserver.search.conditions import Fragment
from fhirserver.store.parameter_text import parameter_text


class Named(NamedTuple):
    """A condition whose values have names.

    Attributes:
        text: with `:reach0`, `:reach1` ... for its values.
        arguments: those, packed; every one travels as text and is cast where it stands.
    """

    text: str
    arguments: dict[str, bytes | None]


def named(fragment: Fragment) -> Named:
    """Give the values of a condition names.

    Equal shapes of conditions give equal texts, which the connection has prepared.
    """
    first, *rest = fragment.text.split("%s")
    text = first
    arguments: dict[str, bytes | None] = {}
    for number, (value, following) in enumerate(zip(fragment.params, rest, strict=True)):
        name = f"reach{number}"
        arguments[name] = parameter_text(value)
        cast = "" if following.startswith("::") else _cast(value)
        text += f":{name}::text{cast}{following}"
    return Named(text, arguments)


def _cast(value: object) -> str:
    return "::bigint" if isinstance(value, int) else ""
