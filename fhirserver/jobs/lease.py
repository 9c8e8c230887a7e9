"""Leases: one owner at a time, and no step of a former owner takes effect.

A lease has an owner until it expires. Whoever takes it over raises its `fence`. A step runs in
one transaction that first locks the lease's row at the fence it was given: if that has grown, the
step is refused, and while it runs nobody can take over. So an owner that was stopped for a minute
and wakes up in the middle of its work does no harm.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

_TAKE = """
INSERT INTO lease AS held (name, owner, fence, expires)
VALUES (%(name)s, %(owner)s, 1, clock_timestamp() + make_interval(secs => %(ttl)s))
ON CONFLICT (name) DO UPDATE
SET owner = excluded.owner, expires = excluded.expires,
    fence = held.fence + (held.owner <> excluded.owner)::int
WHERE held.owner = excluded.owner OR held.expires < clock_timestamp()
RETURNING fence
"""
_LOCK = "SELECT 1 FROM lease WHERE name = %s AND fence = %s FOR SHARE"
_RELEASE = "UPDATE lease SET expires = clock_timestamp() WHERE name = %s AND fence = %s"


class LeaseLostError(Exception):
    """Another process has taken the lease over."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease that was taken.

    Attributes:
        name: of what it is for.
        fence: grows with every change of owner.
    """

    name: str
    fence: int


def take_lease(connection: Connection[Any], name: str, owner: str, ttl_s: float) -> Lease | None:
    """Take a lease that is free, or prolong one's own.

    Args:
        connection: autocommit.
        name: of what it is for.
        owner: unique per process and start.
        ttl_s: seconds until others may take it over.

    Returns:
        The lease; None while somebody else has it.
    """
    row = connection.execute(_TAKE, {"name": name, "owner": owner, "ttl": ttl_s}).fetchone()
    return None if row is None else Lease(name, row[0])


def release_lease(connection: Connection[Any], lease: Lease) -> None:
    """Let others take it at once."""
    connection.execute(_RELEASE, (lease.name, lease.fence))


@contextmanager
def fenced(connection: Connection[Any], lease: Lease) -> Iterator[None]:
    """Run a step in a transaction that commits only under this lease.

    Raises:
        LeaseLostError: somebody else has the lease; nothing has been done.
    """
    with connection.transaction():
        if connection.execute(_LOCK, (lease.name, lease.fence)).fetchone() is None:
            raise LeaseLostError(lease.name)
        yield
