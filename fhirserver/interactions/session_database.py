"""The database as seen from inside one transaction: every statement runs over its connection."""

from collections.abc import Iterator
from contextlib import contextmanager

from fhirserver.store.database import Database
from fhirserver.store.statement import StoreConnection


class SessionDatabase(Database):
    """Lends the one connection of a transaction, whatever for; opens none itself.

    Args:
        database: the one that the transaction belongs to.
        connection: the transaction's.
    """

    def __init__(self, database: Database, connection: StoreConnection) -> None:
        super().__init__(database.url, clock=database.clock)
        self._connection = connection

    @contextmanager
    def connection(self) -> Iterator[StoreConnection]:
        """Lend the connection."""
        yield self._connection

    @contextmanager
    def search_connection(self) -> Iterator[StoreConnection]:
        """Lend the connection."""
        yield self._connection
