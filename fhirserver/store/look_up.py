"""Few resources that a query's meaning depends on, such as a value set, before the query is run.

They are found by plans like any search, so that the caller's limits count here too. No audit row is
written: the search that needs them writes its own.
"""

from __future__ import annotations

from typing import Any

from psycopg import Connection

from fhirserver.search.plan import Plan
from fhirserver.search.sql import page_query

_FIND = "SELECT r.id, r.body FROM ({page}) page JOIN resource r ON r.rid = page.rid"


def look_up(connection: Connection[Any], plan: Plan, most: int) -> list[tuple[str, bytes]]:
    """Find logical ids and JSON of a plan's matches, in no special order.

    Args:
        connection: in a transaction or not.
        plan: what to find.
        most: matches beyond this number are left out.
    """
    found: list[tuple[str, bytes]] = []
    for phase in plan.phases:
        page = page_query(phase, None, most)
        text = _FIND.replace("{page}", page.text)
        found += connection.execute(text.encode(), page.params, binary=True).fetchall()
    return found[:most]
