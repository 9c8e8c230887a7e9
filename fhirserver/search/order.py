"""Order of a search's answer, and where a page begins in it. Pure.

Every order ends in a key that no two resources share, so a position is the values of all keys of
the last row of a page; what follows is a comparison, not a count of rows to skip. A missing value
is last in both directions.

    keys ascending                (k1, k2) > (v1, v2)
    mixed directions              k1 <= v1 AND (k1 < v1 OR k2 > v2)
    keys that may be missing      (k1 > v1 OR k1 IS NULL) OR (k1 = v1 AND ...)

Going back turns every direction round, and the page too once it is read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from fhirserver.search.conditions import Fragment, OrderKey, either

KeyValue = int | str | Decimal | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page begins.

    Attributes:
        phase: which part of the answer, see `Plan.phases`.
        values: of the keys of the row next to the page; empty at the start of the phase.
        backward: the page ends there instead of beginning.
        total: of the first page, so that later pages need not count again; None if unknown.
        as_of_us: resources updated later are left out, where the order is by that.
    """

    phase: int = 0
    values: tuple[KeyValue, ...] = ()
    backward: bool = False
    total: int | None = None
    as_of_us: int | None = None

    @property
    def is_end(self) -> bool:
        """Whether the page that ends there is the last one."""
        return self.backward and not self.values


def order_by(keys: Sequence[OrderKey], *, backward: bool) -> str:
    """Write ORDER BY's list."""
    return ", ".join([_direction(key, backward) for key in keys])


def after(keys: Sequence[OrderKey], values: Sequence[KeyValue], *, backward: bool) -> Fragment:
    """Test that a row comes after the one with these values, or before it when going back."""
    directions = {key.descending != backward for key in keys}
    if len(directions) == 1 and not any(key.nullable for key in keys):
        sign = "<" if directions.pop() else ">"
        columns = ", ".join(key.column for key in keys)
        marks = ", ".join(["%s"] * len(keys))
        return Fragment(f"({columns}) {sign} ({marks})", tuple(values))
    return _after(keys, values, backward=backward)


def _after(keys: Sequence[OrderKey], values: Sequence[KeyValue], *, backward: bool) -> Fragment:
    key, value = keys[0], values[0]
    beyond = _beyond(key, value, backward=backward)
    if len(keys) == 1:
        return beyond
    rest = _after(keys[1:], values[1:], backward=backward)
    equal = Fragment(f"{key.column} IS NULL") if value is None else Fragment(
        f"{key.column} = %s", (value,)
    )  # fmt: skip
    found = either([beyond, Fragment(f"{equal.text} AND {rest.text}", equal.params + rest.params)])
    if key.nullable:
        return found
    sign = "<=" if key.descending != backward else ">="
    return Fragment(f"{key.column} {sign} %s AND {found.text}", (value, *found.params))


def _beyond(key: OrderKey, value: KeyValue, *, backward: bool) -> Fragment:
    """Test one key strictly; missing values are last, so going back they come first."""
    if value is None:
        return Fragment(f"{key.column} IS NOT NULL") if backward else Fragment("FALSE")
    sign = "<" if key.descending != backward else ">"
    if key.nullable and not backward:
        return Fragment(f"({key.column} {sign} %s OR {key.column} IS NULL)", (value,))
    return Fragment(f"{key.column} {sign} %s", (value,))


def _direction(key: OrderKey, backward: bool) -> str:
    text = f"{key.column} DESC" if key.descending != backward else key.column
    if not key.nullable:
        return text
    return f"{text} NULLS FIRST" if backward else f"{text} NULLS LAST"
