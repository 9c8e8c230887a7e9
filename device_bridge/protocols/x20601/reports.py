"""Event reports with measurements: fixed, variable and grouped, of one person or of several.

Spec: IEEE 11073-20601, "Event report", annex A.11.5

    from the MDS        fixed 3357   variable 3358   several persons: 3359 fixed, 3360 variable
    from a scanner      unbuffered 3362 variable, 3363 fixed, 3364 grouped; more persons 3365-3367
                        buffered 3368 variable, 3369 fixed, 3370 grouped; more persons 3371-3373
    from a PM-store     3361, see `segments`

    fixed     handle, octets laid out by the object's attribute value map
    variable  handle, attributes with their ids
    grouped   octets laid out by the scanner's map of handles
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fhirserver_device_bridge.protocols.x20601 import attributes
from fhirserver_device_bridge.protocols.x20601.apdu import ATTRIBUTES, Attribute, EventReport
from fhirserver_device_bridge.protocols.x20601.attributes import CLASS_NUMERIC, Values
from fhirserver_device_bridge.protocols.x20601.configurations import Objects
from fhirserver_device_bridge.protocols.x20601.mder import (
    OCTETS,
    U16,
    U32,
    Codec,
    Cursor,
    MderError,
    record,
    sequence_of,
)

DATA_REQUEST = 3099
NO_PERSON = 0xFFFF


@dataclass(frozen=True, slots=True)
class Observation:
    """What was said of one object at one time.

    Attributes:
        handle: of the object.
        values: its attributes (`attributes.Values`), those of the configuration not included.
        person: number of a user of the agent; None where the agent does not tell users apart.
    """

    handle: int
    values: Mapping[int, Any]
    person: int | None = None


@dataclass(frozen=True, slots=True)
class Fixed:
    """An object in a fixed-format report."""

    handle: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Variable:
    """An object in a variable-format report."""

    handle: int
    attributes: tuple[Attribute, ...]


Item = Fixed | Variable | bytes


@dataclass(frozen=True, slots=True)
class Person:
    """The part of a report that is about one person."""

    id: int
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """A report of one person (`items` of an `Item`) or of several (of a `Person`)."""

    request: int
    number: int
    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class DataRequest:
    """What starts the reports of an agent; `mode` bits as in the standard."""

    id: int
    mode: int
    time: int
    person: int
    class_id: int
    handles: tuple[int, ...]


_DATA_REQUEST = record(
    DataRequest, id=U16, mode=U16, time=U32, person=U16, class_id=U16, handles=sequence_of(U16)
)


@dataclass(frozen=True, slots=True)
class DataResponse:
    """What answers a data request (action 3099): a report of `type` in `info`; result 0 is good."""

    time: int
    result: int
    type: int
    info: bytes


_START = 0x8000
_SCOPES = ((0x0800, 0), (0x0400, CLASS_NUMERIC))
"""Scopes of a data request in the order of preference: all objects, one class."""
_SINGLE_RESPONSE, _NO_TIME_LIMIT = 0x0080, 0x0020


def data_request(modes: int) -> bytes | None:
    """Ask an agent that does not report by itself for what it measures. Pure.

    Args:
        modes: what it said of requests when it associated.

    Returns:
        The information of action 3099; None where it takes no request of a scope that is known.
    """
    scope = next(((bit, kind) for bit, kind in _SCOPES if modes & bit), None)
    if scope is None:
        return None
    bit, kind = scope
    length = _SINGLE_RESPONSE if modes & _SINGLE_RESPONSE else _NO_TIME_LIMIT
    asked = DataRequest(0x0100, _START | bit | length, 0, 0, kind, ())
    return _DATA_REQUEST.write(asked)


DATA_RESPONSE = record(DataResponse, time=U32, result=U16, type=U16, info=OCTETS)
_ITEMS: tuple[Codec[Any], ...] = (
    record(Variable, handle=U16, attributes=ATTRIBUTES),
    record(Fixed, handle=U16, octets=OCTETS),
    OCTETS,
)
_VARIABLE, _FIXED, _GROUPED = _ITEMS


def _report(item: Codec[Any], *, persons: bool) -> Codec[Report]:
    items: Codec[Any] = sequence_of(item)
    if persons:
        items = sequence_of(record(Person, id=U16, items=items))
    return record(Report, request=U16, number=U16, items=items)


REPORTS: dict[int, Codec[Report]] = {
    3357: _report(_FIXED, persons=False),
    3358: _report(_VARIABLE, persons=False),
    3359: _report(_FIXED, persons=True),
    3360: _report(_VARIABLE, persons=True),
    **{3362 + i: _report(item, persons=False) for i, item in enumerate(_ITEMS)},
    **{3365 + i: _report(item, persons=True) for i, item in enumerate(_ITEMS)},
    **{3368 + i: _report(item, persons=False) for i, item in enumerate(_ITEMS)},
    **{3371 + i: _report(item, persons=True) for i, item in enumerate(_ITEMS)},
}


def observations(event: EventReport, objects: Objects) -> list[Observation]:
    """Understand a report with measurements. Pure.

    Args:
        event: its type is one of `REPORTS`.
        objects: of the agent's configuration.

    Returns:
        The observations in the order they were sent.

    Raises:
        MderError: badly structured, or about an object that the configuration does not have.
    """
    report = REPORTS[event.type].decode(event.info)
    found: list[Observation] = []
    for item in report.items:
        if isinstance(item, Person):
            person = None if item.id == NO_PERSON else item.id
            found += _items(item.items, event.handle, objects, person)
        else:
            found += _items((item,), event.handle, objects, None)
    return found


def _items(
    items: Sequence[Item], scanner: int, objects: Objects, person: int | None
) -> list[Observation]:
    return [
        Observation(handle, values, person)
        for item in items
        for handle, values in _READ[type(item)](item, scanner, objects)
    ]


def _fixed(item: Fixed, _: int, objects: Objects) -> list[tuple[int, Values]]:
    layout = _object_values(objects, item.handle).get(attributes.VALUE_MAP)
    if layout is None:
        raise MderError(0, f"object {item.handle} has no attribute value map for a fixed report")
    cursor = Cursor(item.octets)
    values = attributes.take(layout, cursor)
    cursor.finish()
    return [(item.handle, values)]


def _variable(item: Variable, _: int, objects: Objects) -> list[tuple[int, Values]]:
    if item.handle:
        _object_values(objects, item.handle)
    return [(item.handle, attributes.decode(item.attributes))]


def _grouped(item: bytes, scanner: int, objects: Objects) -> list[tuple[int, Values]]:
    layout = _object_values(objects, scanner).get(attributes.SCAN_VALUE_MAP)
    if layout is None:
        raise MderError(0, f"scanner {scanner} has no map of handles for a grouped report")
    cursor = Cursor(item)
    found = []
    for part in layout:
        _object_values(objects, part.handle)
        found.append((part.handle, attributes.take(part.values, cursor)))
    cursor.finish()
    return found


_READ: dict[type[Any], Callable[[Any, int, Objects], list[tuple[int, Values]]]] = {
    Fixed: _fixed,
    Variable: _variable,
    bytes: _grouped,
}


def _object_values(objects: Objects, handle: int) -> Mapping[int, Any]:
    if handle not in objects:
        raise MderError(0, f"object {handle} is not of the agent's configuration")
    return objects[handle].values
