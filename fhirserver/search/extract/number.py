"""Number rows by datatype; they share the table of quantities.

Spec: https://hl7.org/fhir/R4/search.html#number

    integer, positiveInt, unsignedInt, decimal   one point
    Range                                        low to high, open where one is missing
"""

from collections.abc import Mapping
from decimal import Decimal

from fhirserver.model.json import JsonObject
from fhirserver.search.extract.quantity import INFINITY, column_number
from fhirserver.search.extract.rows import Emit, Sink, Target


def number(value: Decimal | int, sink: Sink, target: Target) -> None:
    """Emit a number."""
    point = column_number(value)
    _emit(point, point, sink, target)


def range_of(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit a range by its numbers alone."""
    low, high = value.get("low", {}).get("value"), value.get("high", {}).get("value")
    if low is not None or high is not None:
        _emit(
            -INFINITY if low is None else column_number(low),
            INFINITY if high is None else column_number(high),
            sink,
            target,
        )


EMITTERS: Mapping[str, Emit] = {
    "integer": number,
    "positiveInt": number,
    "unsignedInt": number,
    "decimal": number,
    "Range": range_of,
}


def _emit(low: Decimal, high: Decimal, sink: Sink, target: Target) -> None:
    for sp in target.sps:
        sink.quantity.append((sp, 0, "", "", low, high, None, None, None))
