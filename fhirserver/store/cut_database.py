"""A database whose work another thread can cut off."""

from collections.abc import Iterator
from contextlib import contextmanager

from fhirserver.definitions import FullText
from fhirserver.store.database import Database, Durability
from fhirserver.store.statement import StoreConnection


class CutError(Exception):
    """The work was cut off; no answer for anybody."""


class CutDatabase(Database):
    """Lends connections until it is cut; then statements under way end, and new ones are refused.

    A statement that begins in the moment of a cut needs another: cut until the work has ended.

    Args:
        url, statement_timeout_ms, audit_durability, full_text: see `Database`.
    """

    def __init__(
        self,
        url: str,
        *,
        statement_timeout_ms: int,
        audit_durability: Durability,
        full_text: FullText,
    ) -> None:
        super().__init__(
            url,
            max_size=2,
            statement_timeout_ms=statement_timeout_ms,
            audit_durability=audit_durability,
            full_text=full_text,
        )
        self._is_cut = False
        self._lent: set[StoreConnection] = set()

    def cut(self) -> None:
        """End what is under way; what it has not committed is rolled back."""
        self._is_cut = True
        for connection in tuple(self._lent):
            connection.cancel()

    @contextmanager
    def connection(self) -> Iterator[StoreConnection]:
        """Lend a connection, as `Database` does.

        Raises:
            CutError: it was cut.
        """
        with super().connection() as connection, self._watched(connection):
            yield connection

    @contextmanager
    def search_connection(self) -> Iterator[StoreConnection]:
        """Lend a connection for searches, as `Database` does.

        Raises:
            CutError: it was cut.
        """
        with super().search_connection() as connection, self._watched(connection):
            yield connection

    @contextmanager
    def _watched(self, connection: StoreConnection) -> Iterator[None]:
        if self._is_cut:
            raise CutError
        self._lent.add(connection)
        try:
            yield
        finally:
            self._lent.discard(connection)
