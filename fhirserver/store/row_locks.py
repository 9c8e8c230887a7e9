"""The rows that a transaction has locked, and what stood in them."""

from __future__ import annotations

from collections.abc import Sequence

from psycopg import pq

from fhirserver.model.stored import StoredResource
from fhirserver.store import binary
from fhirserver.store.identities import Identity
from fhirserver.store.references import identity_arguments
from fhirserver.store.schema import State, method_name
from fhirserver.store.statement import Statement, StoreConnection, begin, run
from fhirserver.store.write_plan import Change, Current
from fhirserver.store.write_sql import LOCK_FOR_DELETE, LOCK_FOR_UPDATE, LOCK_WITH_BODY


class RowLocks:
    """Locks rows of `resource` and keeps their content until it is superseded.

    Args:
        connection: inside a transaction whenever rows are locked.
        learnt: receives the row ids.
    """

    def __init__(self, connection: StoreConnection, learnt: dict[Identity, int]) -> None:
        self._connection = connection
        self._learnt = learnt
        self._current: dict[Identity, Current] = {}

    def current(self, identity: Identity) -> Current | None:
        """Return a locked row; None if there is none, or if it was not asked for."""
        return self._current.get(identity)

    def lock_with_body(self, identities: Sequence[Identity]) -> None:
        """Lock rows and keep their bodies too."""
        self._lock(identities, LOCK_WITH_BODY)

    def lock_changed(
        self, identities: Sequence[Identity], changes: Sequence[Change], *, cautious: bool
    ) -> None:
        """Lock the rows of changes; a delete's so that nobody can refer to it any more.

        Args:
            identities: of the changes, in their order.
            changes: what will be written.
            cautious: look for a row even where the id should be new.
        """
        deletes, updates = [], []
        for identity, change in zip(identities, changes, strict=True):
            if change.content is None:
                deletes.append(identity)
            elif identity not in self._current and (cautious or change.method != "POST"):
                updates.append(identity)
        if deletes:
            self._lock([*deletes, *updates], LOCK_FOR_DELETE)
        elif updates:
            self._lock(updates, LOCK_FOR_UPDATE)

    def forget(self, identities: Sequence[Identity]) -> None:
        """Drop rows that have been written since; the locks stay."""
        for identity in identities:
            self._current.pop(identity, None)

    def _lock(self, identities: Sequence[Identity], how: Statement) -> None:
        begin(self._connection)
        result = run(self._connection, how, identity_arguments(identities))
        for row in range(result.ntuples):
            current = _read_current(result, row)
            self._current[current.tid, current.id] = current
            self._learnt[current.tid, current.id] = current.rid


def as_stored(type: str, current: Current) -> StoredResource:
    """Turn a locked row into the version that it holds."""
    return StoredResource(
        current.rid,
        type,
        current.id,
        current.version,
        current.updated_us,
        method_name(current.method),
        current.body,
    )


def _read_current(result: pq.abc.PGresult, row: int) -> Current:
    values = [result.get_value(row, column) for column in range(result.nfields)]
    rid, tid, id, pat, version, updated, state, method, keys = values[:9]
    assert id is not None
    assert keys is not None
    return Current(
        rid=binary.read_int8(rid),
        tid=binary.read_int2(tid),
        id=id.decode(),
        pat=binary.read_int8(pat),
        version=binary.read_int4(version),
        updated_us=binary.read_int8(updated),
        state=State(binary.read_int2(state)),
        method=binary.read_int2(method),
        keys=keys,
        body=values[9] if len(values) > 9 else None,
    )
