"""Critical limits: which hold for a reading, and whether it is beyond them. Pure.

Limits are configuration, each with a reference; none is shipped. A row holds for the metric of its
code, or for what has its code of another system, and for ages from `from_age_days` up to
`to_age_days`.

    the age is known      the rows for that age, and those for every age
    it is not             rows for every age; of the others only what is critical at each of them

What can be critical is a number that is meant: no test, no demonstration, nothing that is taken
back. One whose unit does not tell is not held against a limit, which is counted.
"""

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from typing import Literal, NamedTuple

from fhirserver_device_bridge.config.alarm_settings import Limit
from fhirserver_device_bridge.mapping.table import Table
from fhirserver_device_bridge.mapping.units import in_unit
from fhirserver_device_bridge.reading import MDC, Flag, Quantity, Reading, Status

Side = Literal["low", "high"]
_NOT_MEANT: frozenset[Flag] = frozenset({"test", "demo"})
_NOT_VALID: frozenset[Status] = frozenset({"registered", "cancelled", "entered-in-error"})


class Finding(NamedTuple):
    """A reading that was held against a limit.

    Attributes:
        side: on which it is beyond it; None where it is not.
        checked: False where its unit does not tell.
    """

    limit: Limit
    side: Side | None
    checked: bool = True


def findings(
    reading: Reading, limits: Sequence[Limit], age_days: float | None, table: Table
) -> list[Finding]:
    """Hold a reading against the limits that are for it.

    Args:
        reading: passed by the gate.
        limits: of its source.
        age_days: of the patient when it was measured; None where nobody knows.
        table: mapping of its source.

    Returns:
        One for each limit that holds, in their order.
    """
    if not isinstance(reading.value, Quantity) or reading.status in _NOT_VALID:
        return []
    if reading.flags & _NOT_MEANT:
        return []
    of_metric = [each for each in limits if _is_for(each, reading, table)]
    if age_days is not None:
        return [
            _held(reading.value, each, reading, table)
            for each in of_metric
            if each.holds_at(age_days)
        ]
    certain = (each for each in of_metric if not each.has_age)
    found = [_held(reading.value, each, reading, table) for each in certain]
    aged = (_held(reading.value, each, reading, table) for each in of_metric if each.has_age)
    return [*found, *_at_every_age(aged)]


def _is_for(limit: Limit, reading: Reading, table: Table) -> bool:
    if limit.system:
        return any((code.system, code.code) == (limit.system, limit.code) for code in reading.codes)
    metric = table.metric(reading.codes)
    codes = {code.code for code in reading.codes if code.system in (MDC, "")}
    return limit.code in codes or (metric is not None and metric.code.code == limit.code)


def _at_every_age(found: Iterable[Finding]) -> Iterator[Finding]:
    """Give one finding for rows of which nobody knows which holds; the first row names it."""
    every = list(found)
    sides = {each.side for each in every}
    if every:
        checked = all(each.checked for each in every)
        yield Finding(every[0].limit, sides.pop() if len(sides) == 1 else None, checked)


def _held(value: Quantity, limit: Limit, reading: Reading, table: Table) -> Finding:
    number = in_unit(value, limit.unit, table.metric(reading.codes), table)
    if number is None:
        return Finding(limit, None, checked=False)
    return Finding(limit, _side(number, value.comparator, limit))


def _side(number: Decimal, comparator: str | None, limit: Limit) -> Side | None:
    """Tell on which side a number certainly is: `<40` is below 40, `>40` is not known to be."""
    below = None if comparator in (">", ">=") else limit.low
    above = None if comparator in ("<", "<=") else limit.high
    if below is not None and (number < below or (number == below and comparator == "<")):
        return "low"
    if above is not None and (number > above or (number == above and comparator == ">")):
        return "high"
    return None
