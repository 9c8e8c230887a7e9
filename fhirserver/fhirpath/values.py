"""What a FHIRPath collection holds, and the conversions between FHIR's values and FHIRPath's.

Spec: http://hl7.org/fhirpath/N1/index.html#literals and https://hl7.org/fhir/R4/fhirpath.html#types

    ElementNode    an element of a resource, with its type
    bool, int, Decimal, str, Temporal, Quantity   System values, from literals and functions
    TypeInfo       what type() gives
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fhirserver.fhirpath.errors import FhirPathError, FhirPathLimitError
from fhirserver.fhirpath.temporal import TEMPORAL_KINDS, parse_temporal
from fhirserver.model.json import WrittenDecimal

Collection = list[Any]
"""The items of a collection, in order; the lists are never changed once returned."""

UCUM = "http://unitsofmeasure.org"

CALENDAR_UNITS: Mapping[str, str] = {
    word: singular
    for singular in (
        "year", "month", "week", "day", "hour", "minute", "second", "millisecond",
    )
    for word in (singular, f"{singular}s")
}  # fmt: skip
"""Calendar duration words with their singular."""

_INTEGER_BITS = 128
QUANTITY_TYPES = frozenset({"Quantity", "Age", "Count", "Distance", "Duration"})


MOST_DIGITS = 1000
"""Digits before or after the point that a number may need to be written or made whole."""


def refuse_large(value: int) -> int:
    """Give an Integer of a size that FHIR has a use for.

    Raises:
        FhirPathLimitError: it is larger; an expression could let it grow for ever.
    """
    if value.bit_length() > _INTEGER_BITS:
        raise FhirPathLimitError(f"an Integer would have more than {_INTEGER_BITS} bits")
    return value


class ElementNode:
    """An element of a resource.

    Attributes:
        value: JSON value; None where a primitive has extensions only.
        path: node of its children or name of its type: "Patient.contact", "HumanName", "code".
        sibling: the `_name` object of a primitive, or None.
    """

    __slots__ = ("path", "sibling", "value")

    def __init__(self, value: Any, path: str, sibling: Any = None) -> None:
        self.value = value
        self.path = path
        self.sibling = sibling

    def __repr__(self) -> str:
        return f"ElementNode({self.value!r}, {self.path!r})"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit: a UCUM code, or a calendar word in the singular."""

    value: Decimal
    unit: str
    calendar: bool = False

    def __str__(self) -> str:
        unit = f"{self.unit}{'' if self.value == 1 else 's'}" if self.calendar else f"'{self.unit}'"
        return f"{format_number(self.value)} {unit}"


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """A type as type() tells it, e.g. System.Boolean or FHIR.Patient."""

    namespace: str
    name: str


def root_node(resource: dict[str, Any]) -> ElementNode:
    """Wrap a resource for evaluation."""
    return ElementNode(resource, resource.get("resourceType", "Resource"))


def to_system(item: Any) -> Any:
    """Turn a primitive or Quantity element into its System value; others stay as they are."""
    if item.__class__ is not ElementNode:
        return item
    value = item.value
    if value.__class__ is str:
        kind = TEMPORAL_KINDS.get(item.path)
        return value if kind is None else parse_temporal(value, kind) or value
    if value.__class__ is dict:
        return _to_quantity(item) if item.path in QUANTITY_TYPES else item
    if value.__class__ is float:
        return Decimal(repr(value))
    if value.__class__ is WrittenDecimal:
        return Decimal(value)
    return item if value is None else value


def _to_quantity(item: ElementNode) -> Any:
    amount = item.value.get("value")
    if amount is None:
        return item
    code = item.value.get("code")
    if code is None or item.value.get("system") != UCUM:
        code = item.value.get("unit", code or "1")
    return Quantity(to_decimal(amount), code)


def to_decimal(value: Any) -> Decimal:
    """Give a JSON or System number as Decimal, digits kept."""
    return Decimal(repr(value)) if value.__class__ is float else Decimal(value)


def single(items: Collection) -> Any:
    """Give the System value of the only item; None for an empty collection."""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError(f"expected one item, found {len(items)}")
    return to_system(items[0])


def to_boolean(items: Collection) -> bool | None:
    """Evaluate a collection as a Boolean: a single item that is not one counts as true."""
    if not items:
        return None
    if len(items) > 1:
        raise FhirPathError(f"expected one Boolean, found {len(items)} items")
    item = items[0]
    if item.__class__ is ElementNode:
        item = item.value
    return item if item.__class__ is bool else True


def is_number(value: Any) -> bool:
    """Tell whether a System value is an Integer or a Decimal."""
    return value.__class__ is int or value.__class__ is Decimal


def decimal_places(value: Any) -> int:
    """Count the digits after the decimal point."""
    exponent = to_decimal(value).as_tuple().exponent
    return max(-exponent, 0) if isinstance(exponent, int) else 0


def format_number(value: Any) -> str:
    """Write a number without an exponent, digits kept.

    Raises:
        FhirPathLimitError: there would be very many.
    """
    if value.__class__ is Decimal and abs(value.adjusted()) > MOST_DIGITS:
        raise FhirPathLimitError(f"a number would be written with more than {MOST_DIGITS} digits")
    return format(value, "f") if value.__class__ is Decimal else str(value)
