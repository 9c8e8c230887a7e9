"""What a write does to the rows of its resources. Pure: no clock, no database.

stored        change     becomes
nothing       content    version 1, new identity row
absent        content    version 1 on the identity row that references had made
live          content    next version; the superseded one goes to history
deleted       content    next version, live again
live          DELETE     next version without a body; all index rows go
otherwise     DELETE     nothing
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from fhirserver.errors import Issue, PreconditionFailedError
from fhirserver.model.instant import format_instant
from fhirserver.model.json import JsonObject, write_json
from fhirserver.model.stored import Method, StoredResource
from fhirserver.store.identities import Identity
from fhirserver.store.index_rows import TableRows, home, table_rows
from fhirserver.store.packed_keys import PackedKeys, pack, unpack
from fhirserver.store.schema import State, method_number

if TYPE_CHECKING:
    from fhirserver.search.extract import IndexRows
    from fhirserver.store.contents import BegunContent


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that an interaction wants to store or delete, validated and extracted.

    Attributes:
        type, id: what is changed; a POST brings an id that nobody has used.
        method: the interaction's, kept in the history.
        content: the resource; None for DELETE. Its id and meta.versionId, meta.lastUpdated are
            set by the store.
        rows: index rows of `content`; None for DELETE.
        expected: versions that If-Match allows; None for any.
        create_only: refuse if it exists (If-None-Match: *, and POST).
        upload: content of a Binary that `content` only notes; the version gets it.
    """

    type: str
    id: str
    method: Method
    content: JsonObject | None
    rows: IndexRows | None
    expected: Container[int] | None = None
    create_only: bool = False
    upload: BegunContent | None = None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a change.

    Attributes:
        stored: the version now current; version 0 where a DELETE found nothing ever stored.
        created: it did not exist before.
        changed: a version was made.
        issues: warnings of references to nothing, where integrity warns.
    """

    stored: StoredResource
    created: bool
    changed: bool
    issues: tuple[Issue, ...] = ()


@dataclass(frozen=True, slots=True)
class Current:
    """A resource's row as locked by this transaction."""

    rid: int
    tid: int
    id: str
    pat: int
    version: int
    updated_us: int
    state: State
    method: int
    keys: bytes
    body: bytes | None


@dataclass(frozen=True, slots=True)
class Step:
    """Everything that one change writes.

    Attributes:
        fresh: there is no identity row yet.
    """

    stored: StoredResource
    tid: int
    pat: int
    state: State
    method: int
    keys: bytes
    present: Sequence[int]
    removed: TableRows
    added: TableRows
    fresh: bool
    created: bool


NO_ROWS = TableRows()
_instant = lru_cache(maxsize=64)(format_instant)
"""Everything that is written together has the same."""


def check_preconditions(change: Change, current: Current | None) -> None:
    """Refuse a change whose conditions do not hold for what is stored.

    Raises:
        PreconditionFailedError: If-Match names other versions, or it must not exist and does.
    """
    live = current is not None and current.state is State.LIVE
    place = f"{change.type}/{change.id}"
    if change.expected is not None:
        found = f"version {current.version}" if current is not None and live else "nothing"
        if current is None or not live or current.version not in change.expected:
            raise PreconditionFailedError(
                f"If-Match does not hold: {found} is stored as {place}; "
                "read it again and base the change on that.",
                expression=("http.If-Match",),
            )
    if change.create_only and live:
        raise PreconditionFailedError(
            f"{place} exists already and was to be created only.",
            expression=("http.If-None-Match",),
        )


def stamp(content: JsonObject, id: str, version: int, updated_us: int) -> bytes:
    """Write a resource with its id and meta; everything else keeps its place. Pure.

    Returns:
        Compact JSON; a missing id is put behind resourceType, a missing meta behind the id.
    """
    meta = {
        **content.get("meta", {}),
        "versionId": str(version),
        "lastUpdated": _instant(updated_us),
    }
    if "id" in content and "meta" in content:
        return write_json({**content, "id": id, "meta": meta})
    before = "id" if "id" in content else "resourceType"
    stamped: JsonObject = {}
    for key, value in content.items():
        stamped[key] = value
        if key == before:
            stamped["id"] = id
            stamped["meta"] = meta
    return write_json({**stamped, "meta": meta})


@dataclass(frozen=True, slots=True)
class Planner:
    """Turns changes into steps.

    Attributes:
        rids: row ids of every identity that the old and new keys name.
        now_us: epoch microseconds of the write.
    """

    rids: Mapping[Identity, int]
    now_us: int

    def step(
        self, change: Change, identity: Identity, keys: PackedKeys, current: Current | None
    ) -> Step | None:
        """Plan one change; None if it changes nothing.

        Args:
            change: what is wanted; its conditions have been checked.
            identity: the change's.
            keys: index rows of the new content; NO_KEYS for DELETE.
            current: its locked row, if there is one.
        """
        live = current is not None and current.state is State.LIVE
        if change.content is None and not live:
            return None
        rid = self.rids[identity] if current is None else current.rid
        version = 1 if current is None else current.version + 1
        updated_us = self.now_us if current is None else max(self.now_us, current.updated_us + 1)
        content = change.content
        body = None if content is None else stamp(content, change.id, version, updated_us)
        packed = pack(keys)
        removed, added = self._difference(rid, keys, packed, current)
        return Step(
            stored=StoredResource(
                rid, change.type, change.id, version, updated_us, change.method, body
            ),
            tid=identity[0],
            pat=self._home(keys, rid, current, deleted=content is None),
            state=State.DELETED if content is None else State.LIVE,
            method=method_number(change.method),
            keys=packed,
            present=() if change.rows is None else change.rows.present,
            removed=removed,
            added=added,
            fresh=current is None,
            created=not live,
        )

    def _home(self, keys: PackedKeys, rid: int, current: Current | None, *, deleted: bool) -> int:
        """A deleted resource stays in the compartment where it was; others are where they say."""
        if deleted and current is not None:
            return current.pat
        return home(keys, rid, self.rids)

    def _difference(
        self, rid: int, keys: PackedKeys, packed: bytes, current: Current | None
    ) -> tuple[TableRows, TableRows]:
        if current is not None and current.keys == packed:
            return NO_ROWS, NO_ROWS
        new = table_rows(keys, rid, self.rids)
        if current is None or not current.keys:
            return NO_ROWS, new
        old = table_rows(unpack(current.keys), rid, self.rids)
        return old.minus(new), new.minus(old)
