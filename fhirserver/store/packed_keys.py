"""The index rows of one resource, packed into its row as they were written.

An update compares what it is about to write with this, never with a fresh extraction from the
old body: once an extractor or a SearchParameter has changed, a fresh extraction no longer names
the rows that are really there, and rows left behind are wrong answers.

Targets stand by identity (type number, id), not by row id, so packing needs no database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from fhirserver.definitions import FIRST_OWN, Definitions
from fhirserver.search.extract.quantity import number_text
from fhirserver.store.identities import Identity
from fhirserver.store.schema import NOT_SEARCHED

if TYPE_CHECKING:
    from fhirserver.search.extract import IndexRows, Inside

QuantityRow = tuple[
    int, int, str, str, Decimal, Decimal, str | None, Decimal | None, Decimal | None
]
QuantityKey = tuple[int, int, str, str, str, str, str | None, str | None, str | None]
CompositeKey = tuple[int | str | None, ...]


class PackedKeys(msgspec.Struct, frozen=True, array_like=True):
    """Index rows before they are copied per compartment; every list is sorted.

    Attributes:
        patients: compartments, the home compartment first.
        main_date: epoch microseconds or None.
        token: (sp, system key, code).
        string: (sp, normalised, exact).
        date: (sp, lower, upper).
        reference: (sp, target type number, target id); sp NOT_SEARCHED for references that no
            parameter covers.
        quantity: (sp, system key, code, unit, low, high, canonical unit, low, high), the numbers
            as texts.
        composite: (sp, system key, code, columns of the later parts as texts).
        narrative: (sp, words).
        content: (sp, words).
        internal: (sp, place) of references to what stands inside the resource; see `Inside`.
        contained: what stands inside it, by place.
    """

    patients: list[Identity] = []
    main_date: int | None = None
    token: list[tuple[int, int, str]] = []
    string: list[tuple[int, str, str]] = []
    date: list[tuple[int, int, int]] = []
    reference: list[tuple[int, int, str]] = []
    quantity: list[QuantityKey] = []
    composite: list[CompositeKey] = []
    narrative: list[tuple[int, str]] = []
    content: list[tuple[int, str]] = []
    internal: list[tuple[int, int]] = []
    contained: list[ContainedKeys] = []

    def identities(self) -> set[Identity]:
        """Return every identity that the rows point to."""
        found = {(tid, id) for _, tid, id in self.reference} | set(self.patients)
        for each in self.contained:
            found |= each.keys.identities()
        return found


class ContainedKeys(msgspec.Struct, frozen=True, array_like=True):
    """Index rows of a contained resource.

    Attributes:
        rid: its row id; 0 before it has one.
        tid, id: its type number, and the id within its container.
        place: number among what is contained; -1 for the first entry of a Bundle.
        present: parameters that have a value.
        keys: its rows; their compartments are its container's.
    """

    rid: int
    tid: int
    id: str
    place: int
    present: list[int]
    keys: PackedKeys


NO_KEYS = PackedKeys()
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(PackedKeys)


def keys_of(rows: IndexRows, definitions: Definitions) -> PackedKeys:
    """Turn extracted rows into the form that is stored. Pure."""
    tid = definitions.type_id
    reference = [(sp, tid(type), id) for sp, type, id in rows.reference]
    # A parameter of one's own may go again, and what refers to a resource must still be found.
    searched = {(number, id) for sp, number, id in reference if sp < FIRST_OWN}
    for _, type, id, _ in rows.references:
        target = (tid(type), id)
        if target not in searched:
            searched.add(target)
            reference.append((NOT_SEARCHED, *target))
    quantity = list(map(_quantity_key, rows.quantity))
    if len(quantity) > 1:
        quantity.sort(key=repr)
    composite: list[CompositeKey] = list(map(tuple, rows.composite))
    if len(composite) > 1:
        composite.sort(key=repr)
    return PackedKeys(
        patients=[(tid(type), id) for type, id in rows.patients],
        main_date=rows.main_date,
        token=sorted(rows.token),
        string=sorted(rows.string),
        date=sorted(rows.date),
        reference=sorted(reference),
        quantity=quantity,
        composite=composite,
        narrative=sorted(rows.narrative),
        content=sorted(rows.content),
        internal=sorted(rows.internal),
        contained=[_contained_keys(each, definitions) for each in rows.contained],
    )


def _contained_keys(inside: Inside, definitions: Definitions) -> ContainedKeys:
    rows = inside.rows
    keys = keys_of(rows, definitions)
    tid = definitions.type_id(inside.type)
    return ContainedKeys(0, tid, inside.id, inside.place, rows.present, keys)


def numbered(
    keys: PackedKeys, before: PackedKeys, take: Callable[[int], Sequence[int]]
) -> PackedKeys:
    """Give contained resources their row ids: those they had, or new ones.

    Args:
        keys: index rows of the new content.
        before: as they were stored; NO_KEYS where there are none.
        take: gives as many new row ids as it is asked for.
    """
    if not keys.contained:
        return keys
    had = {(each.tid, each.id): each.rid for each in before.contained}
    rids = [had.pop((each.tid, each.id), 0) for each in keys.contained]
    new = iter(take(rids.count(0)))
    contained = [
        msgspec.structs.replace(each, rid=rid or next(new))
        for each, rid in zip(keys.contained, rids, strict=True)
    ]
    return msgspec.structs.replace(keys, contained=contained)


def pack(keys: PackedKeys) -> bytes:
    """Pack keys; equal keys give equal bytes."""
    return _encoder.encode(keys)


def unpack(packed: bytes) -> PackedKeys:
    """Undo `pack`; equal numbers come back as equal texts, also from before they were packed so."""
    keys = _decoder.decode(packed) if packed else NO_KEYS
    return _with_equal_numbers(keys)


def _with_equal_numbers(keys: PackedKeys) -> PackedKeys:
    if keys.contained:
        inside = [
            msgspec.structs.replace(each, keys=_with_equal_numbers(each.keys))
            for each in keys.contained
        ]
        keys = msgspec.structs.replace(keys, contained=inside)
    if not keys.quantity:
        return keys
    return msgspec.structs.replace(keys, quantity=[*map(_with_equal_texts, keys.quantity)])


def _quantity_key(row: QuantityRow) -> QuantityKey:
    sp, system, code, unit, low, high, c_unit, c_low, c_high = row
    return (sp, system, code, unit, _text(low), _text(high), c_unit, _maybe(c_low), _maybe(c_high))


def _with_equal_texts(key: QuantityKey) -> QuantityKey:
    """Write the numbers anew, so that what the tables cannot tell apart is one row here too."""
    sp, system, code, unit, *numbers = key
    low, high, c_low, c_high = (
        None if each is None else number_text(Decimal(each))
        for each in (numbers[0], numbers[1], numbers[3], numbers[4])
    )
    return (sp, system, code, unit, str(low), str(high), numbers[2], c_low, c_high)


def _text(number: Decimal) -> str:
    # Never written out in full: 1E+999999 is a number too.
    return str(number)


def _maybe(number: Decimal | None) -> str | None:
    return None if number is None else _text(number)
