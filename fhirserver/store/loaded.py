"""What an interrupted load has already stored, and what a finished one refers to in vain.

The audit rows of a load are written in the same transaction as its resources, under a request id
that names the source and the items; so they are the record of what need not be loaded again.
"""

from collections.abc import Iterator

import psycopg

from fhirserver.definitions import Definitions


def loaded_requests(connection: psycopg.Connection, client: str, prefix: str) -> Iterator[str]:
    """Give the request ids of a client that begin with a prefix, each once."""
    rows = connection.execute(
        "SELECT DISTINCT request_id FROM audit"
        " WHERE client = %s AND starts_with(request_id, %s) AND outcome < 300",
        (client, prefix),
    )
    for (request_id,) in rows:
        yield request_id


def absent_targets(
    connection: psycopg.Connection, definitions: Definitions, limit: int
) -> list[str]:
    """Give references that point at nothing, e.g. "Patient/12", at most `limit` of them."""
    rows = connection.execute(
        "SELECT r.tid, r.id FROM resource r WHERE r.state <> 1"
        " AND EXISTS (SELECT 1 FROM ref f WHERE f.target = r.rid) ORDER BY r.rid LIMIT %s",
        (limit,),
    )
    return [f"{definitions.type_name(tid)}/{id}" for tid, id in rows]
