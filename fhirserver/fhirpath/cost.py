"""What evaluations cost beside their terms: long collections, large elements, long texts.

Closures pay with `Context.spend` before the work where its size is known, else as it grows.
"""

from collections.abc import Callable
from typing import Any

from fhirserver.fhirpath.context import FREE_ITEMS, Context
from fhirserver.fhirpath.errors import FhirPathLimitError
from fhirserver.fhirpath.syntax import Expr
from fhirserver.fhirpath.values import Collection, ElementNode

Step = Callable[[Collection, Context], Collection]

TEXT_LIMIT = 1024 * 1024
"""Characters of a text that an expression makes."""
LONG_TEXT = 1024
"""Texts up to this length cost nothing beside the term that looks at them."""
_READ_CHARACTERS = 64
_MADE_CHARACTERS = 16
"""Characters to a step."""


def terms(expression: Expr) -> int:
    """Count the terms of an expression: what it costs to evaluate it once on a single item."""
    return 1 + sum(terms(part) for part in _parts(expression))


def weight(items: Collection) -> int:
    """Count the values in some items, long texts by their length: the cost of comparing them."""
    total = 0
    rest = [item.value if item.__class__ is ElementNode else item for item in items]
    for value in rest:
        kind = value.__class__
        if kind is dict:
            rest.extend(value.values())
        elif kind is list:
            rest.extend(value)
        elif kind is str and len(value) > LONG_TEXT:
            total += len(value) // _READ_CHARACTERS
    return total + len(rest)


def piecewise(step: Step, items: Collection, context: Context) -> Collection:
    """Take a step from a long collection a few items at a time, and pay as it goes.

    The items may be a few elements over and over, each with many children.
    """
    found: Collection = []
    for start in range(0, len(items), FREE_ITEMS):
        context.spend(FREE_ITEMS)
        found.extend(step(items[start : start + FREE_ITEMS], context))
    return found


def spend_on_text(value: Any, context: Context) -> None:
    """Pay for reading a value where it is a long text."""
    if value.__class__ is str and len(value) > LONG_TEXT:
        context.spend(len(value) // _READ_CHARACTERS)


def refuse_long_text(length: int) -> None:
    """Refuse to make a text of so many characters.

    Raises:
        FhirPathLimitError: it is too long.
    """
    if length > TEXT_LIMIT:
        raise FhirPathLimitError(f"a text would have more than {TEXT_LIMIT} characters")


def spend_on_result(value: Any, context: Context) -> None:
    """Pay for what a term has made of one value: a text, or a list."""
    if value.__class__ is str:
        if len(value) > LONG_TEXT:
            refuse_long_text(len(value))
            context.spend(len(value) // _MADE_CHARACTERS)
    elif value.__class__ is list:
        context.spend(len(value))


def _parts(expression: Expr) -> list[Expr]:
    found: list[Expr] = []
    for field in expression:
        if isinstance(field, Expr):
            found.append(field)
        elif field.__class__ is tuple:
            found.extend(part for part in field if isinstance(part, Expr))
    return found
