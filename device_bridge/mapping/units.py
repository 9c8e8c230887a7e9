"""Units in UCUM, the sender's number unchanged.

A unit of MDC becomes the UCUM of its row; a unit that was sent in UCUM is checked. Where the
metric's usual unit is the same but for its name (`{beat}/min` and `/min`), the usual name is
written, which vital-signs profiles demand. Nothing that is charted is converted: kPa stays kPa;
only what is compared with limits is.
"""

from decimal import Decimal
from functools import lru_cache

from fhirserver_terminology import ucum

from fhirserver_device_bridge.mapping.table import Metric, Table
from fhirserver_device_bridge.reading import UCUM, Coding, Quantity

_REMEMBERED = 1000


def to_ucum(unit: Coding | None, metric: Metric | None, table: Table) -> str | None:
    """Give a unit in UCUM; None for one that is not known, which then is kept as it was sent."""
    if unit is None:
        return None
    code = table.ucum(unit)
    if code is None and unit.system in (UCUM, "") and _is_valid(unit.code):
        code = unit.code
    if code and metric and metric.ucum and _same(code, metric.ucum):
        return metric.ucum
    return code


def in_unit(
    quantity: Quantity, wanted: str | None, metric: Metric | None, table: Table
) -> Decimal | None:
    """Give a number in a unit of UCUM; None where its own unit does not tell."""
    unit = to_ucum(quantity.unit, metric, table)
    if unit is not None and unit == wanted:
        return quantity.value
    if unit is None or wanted is None or not ucum.commensurable(unit, wanted):
        return None
    return ucum.convert(quantity.value, unit, wanted)


@lru_cache(_REMEMBERED)
def _is_valid(code: str) -> bool:
    return ucum.validate(code)


@lru_cache(_REMEMBERED)
def _same(one: str, other: str) -> bool:
    return one == other or (
        ucum.commensurable(one, other)
        and ucum.convert(Decimal(1), one, other) == 1
        and ucum.convert(Decimal(2), one, other) == 2
    )
