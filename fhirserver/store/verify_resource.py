"""What must hold between one resource's row, its history and its index rows. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fhirserver.definitions import Definitions
from fhirserver.errors import FhirError
from fhirserver.model.instant import format_instant
from fhirserver.model.json import parse_json
from fhirserver.store import binary
from fhirserver.store.identities import Identity
from fhirserver.store.index_rows import Row, compartments, table_rows
from fhirserver.store.packed_keys import PackedKeys, keys_of, numbered, unpack
from fhirserver.store.row_types import INDEX_ROWS
from fhirserver.store.schema import State

if TYPE_CHECKING:
    from fhirserver.search.extract import IndexRows

Extract = Callable[[Any], "IndexRows"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be.

    Attributes:
        place: e.g. "Patient/12", or a table's name.
        rule: which rule is broken, e.g. "index rows"; stable, to count by.
        detail: numbers and names only, never values.
    """

    place: str
    rule: str
    detail: str


@dataclass(frozen=True, slots=True)
class ResourceRow:
    """A row of `resource`."""

    rid: int
    tid: int
    id: str
    pat: int
    version: int
    updated_us: int
    state: State
    extractor: int
    present: Sequence[int]
    body: bytes | None
    keys: bytes


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A row of `history`."""

    version: int
    updated_us: int
    state: int
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules, and what they need to know.

    Attributes:
        extract: extraction as writes do it; None to leave it out.
        extractor: its version; rows of another version are stale, not wrong.
        changing: numbers of types whose resources are being indexed for other search parameters.
    """

    definitions: Definitions
    extract: Extract | None
    extractor: int
    changing: frozenset[int] = frozenset()

    def check(
        self,
        row: ResourceRow,
        versions: Sequence[VersionRow],
        found: Mapping[str, Sequence[Row]],
        rids: Mapping[Identity, int],
    ) -> Iterator[Finding]:
        """Yield what is wrong with one resource.

        Args:
            row: its current row.
            versions: its superseded versions, ascending.
            found: its index rows by table.
            rids: row ids of what its keys name.
        """
        place = f"{self.definitions.type_name(row.tid)}/{row.id}"
        for rule, detail in (
            *_version_faults(row, versions),
            *self._body_faults(row, versions),
            *_row_faults(row, found, rids),
            *self._extraction_faults(row),
        ):
            yield Finding(place, rule, detail)

    def _body_faults(
        self, row: ResourceRow, versions: Sequence[VersionRow]
    ) -> Iterator[tuple[str, str]]:
        type = self.definitions.type_name(row.tid)
        current = VersionRow(row.version, row.updated_us, row.state, row.body)
        for each in (*versions, current):
            if (each.body is not None) != (each.state == State.LIVE):
                yield "body", f"version {each.version} has a body and is deleted, or has none"
            elif each.body is not None and not _is_stamped(each, type, row.id):
                yield "body", f"version {each.version} does not carry its own id and meta"

    def _extraction_faults(self, row: ResourceRow) -> Iterator[tuple[str, str]]:
        if self.extract is None or row.state is not State.LIVE or row.body is None:
            return
        if row.tid in self.changing:
            yield "search parameters", "resources are being indexed for others, look again later"
            return
        if row.extractor != self.extractor:
            yield "extractor", f"rows are of extractor {row.extractor}, reindex"
            return
        try:
            rows = self.extract(parse_json(row.body))
        except (FhirError, KeyError, ValueError, TypeError) as error:
            yield "extraction", f"fails with {error.__class__.__name__}"
            return
        if list(rows.present) != list(row.present):
            yield "extraction", "other parameters are present than stored"
        stored = unpack(row.keys)
        fresh = numbered(keys_of(rows, self.definitions), stored, _no_row_ids)
        yield from _key_faults(stored, fresh)


def _no_row_ids(count: int) -> list[int]:
    """Stand in for row ids of contained resources that are not stored."""
    return [0] * count


def _version_faults(row: ResourceRow, versions: Sequence[VersionRow]) -> Iterator[tuple[str, str]]:
    numbers = [each.version for each in versions]
    if numbers != list(range(1, row.version)):
        yield "versions", f"history holds {len(numbers)} of {row.version - 1} earlier versions"
    instants = [*(each.updated_us for each in versions), row.updated_us]
    if any(later <= earlier for earlier, later in itertools.pairwise(instants)):
        yield "versions", "lastUpdated does not increase"
    if row.state is State.ABSENT and row.version != 0:
        yield "versions", "an absent identity has versions"


def _is_stamped(version: VersionRow, type: str, id: str) -> bool:
    assert version.body is not None
    try:
        content = parse_json(version.body)
    except FhirError:
        return False
    meta = content.get("meta", {})
    stamped: bool = (
        content.get("resourceType") == type
        and content.get("id") == id
        and meta.get("versionId") == str(version.version)
        and meta.get("lastUpdated") == format_instant(version.updated_us)
    )
    return stamped


def _row_faults(
    row: ResourceRow, found: Mapping[str, Sequence[Row]], rids: Mapping[Identity, int]
) -> Iterator[tuple[str, str]]:
    keys = unpack(row.keys)
    if row.state is not State.LIVE and keys.identities():
        yield "index rows", "keys of a resource that is not live"
    unknown = keys.identities() - rids.keys()
    if unknown:
        yield "references", f"{len(unknown)} targets have no identity"
        return
    if row.state is State.LIVE and compartments(keys, row.rid, rids)[0][0][0] != row.pat:
        yield "compartment", "the home compartment is another one"
    expected = table_rows(keys, row.rid, rids)
    for table in INDEX_ROWS:
        as_held = _AS_HELD.get(table.removeprefix("contained_"), tuple)
        wanted = set(map(as_held, expected.get(table, ())))
        there = [*map(_hashable, found.get(table, ()))]
        if len(there) != len(wanted) or set(there) != wanted:
            missing, extra = len(wanted - set(there)), len(there) - len(wanted & set(there))
            yield "index rows", f"{table}: {missing} missing, {extra} too many"


def _numbers(row: Row) -> Row:
    """Compare numbers as numbers: the packed keys hold them as texts."""
    *rest, low, high, c_unit, c_low, c_high = row
    canonical = (None if each is None else Decimal(each) for each in (c_low, c_high))
    return (*rest, Decimal(low), Decimal(high), c_unit, *canonical)


def _composite(row: Row) -> Row:
    """Compare a composite's numbers and keys as what the columns hold."""
    return tuple(
        value if value is None else _HELD.get(column, type(value))(value)
        for column, value in zip(INDEX_ROWS["composite"].columns, row, strict=True)
    )


def _hashable(row: Row) -> Row:
    """Compare a list of parameters as a statement takes it: packed."""
    return tuple(binary.int2_array(each) if isinstance(each, list) else each for each in row)


_AS_HELD: dict[str, Callable[[Row], Row]] = {
    "quantity": _numbers,
    "composite": _composite,
}
_HELD: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("q_low", "q_high", "q_c_low", "q_c_high", "e_low", "e_high"), Decimal),
    **dict.fromkeys(("t_system", "q_system", "d_lo", "d_hi"), int),
}


def _key_faults(stored: PackedKeys, fresh: PackedKeys) -> Iterator[tuple[str, str]]:
    for name in PackedKeys.__struct_fields__:
        if getattr(stored, name) != getattr(fresh, name):
            yield "extraction", f"{name} differs from what the content gives"


def as_row(values: Sequence[Any]) -> ResourceRow:
    """Make a row from the columns of `ResourceRow`."""
    row = ResourceRow(*values)
    return replace(row, state=State(row.state), keys=bytes(row.keys))
