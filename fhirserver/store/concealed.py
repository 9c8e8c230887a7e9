"""What a caller may not know of, among resources that a write names or is named by."""

from __future__ import annotations

from collections.abc import Callable, Collection

from fhirserver.search.conditions import Fragment
from fhirserver.store.identities import Identity
from fhirserver.store.statement import StoreConnection

Conceal = Callable[[StoreConnection, Collection[Identity]], set[Identity]]
"""Tells which of some identities the caller may not know of."""

_FIND = """
SELECT r.tid, r.id
FROM unnest(%s::smallint[], %s::text[]) wanted (tid, id)
JOIN resource r ON r.tid = wanted.tid AND r.id = wanted.id
WHERE r.state <> 1 OR NOT {reach}
"""


def nothing_concealed(
    _connection: StoreConnection, _identities: Collection[Identity]
) -> set[Identity]:
    """Conceal nothing: from those whom nothing confines."""
    return set()


def beyond_reach(
    connection: StoreConnection, identities: Collection[Identity], reach: Fragment
) -> set[Identity]:
    """Return those of the identities that are not live or do not fulfil a condition.

    What was deleted is as if it were not there, to whom the condition confines.

    Args:
        connection: in any state.
        identities: to look at.
        reach: condition on the row `r` of `resource`.
    """
    text = _FIND.replace("{reach}", f"({reach.text})")
    columns = [tid for tid, _ in identities], [id for _, id in identities]
    rows = connection.execute(text.encode(), (*columns, *reach.params), binary=True)
    return {(tid, id) for tid, id in rows}
