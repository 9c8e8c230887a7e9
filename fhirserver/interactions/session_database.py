"""The database as seen from inside one transaction: statements and writes are part of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from fhirserver.store.database import Database
from fhirserver.store.statement import StoreConnection
from fhirserver.store.write import WriteSession


class SessionDatabase(Database):
    """Lends the one connection of a transaction, whatever for; opens none itself.

    Args:
        database: the one that the transaction belongs to.
        session: the transaction; its connection is taken when first needed.
    """

    def __init__(self, database: Database, session: WriteSession) -> None:
        super().__init__(database.url, clock=database.clock)
        self.registry = database.registry
        self.session: WriteSession = session

    @contextmanager
    def connection(self) -> Iterator[StoreConnection]:
        """Lend the connection."""
        yield self.session.connection

    @contextmanager
    def search_connection(self) -> Iterator[StoreConnection]:
        """Lend the connection."""
        yield self.session.connection
