"""Give resources the index rows that this version's extractor and the search parameters ask for."""

from contextlib import closing
from typing import Any

from psycopg import Connection

from fhirserver.config import Settings
from fhirserver.definitions import Definitions, r4_with
from fhirserver.model.json import JsonObject
from fhirserver.search.extract import IndexRows, extract, extractor_of
from fhirserver.store.database import Database
from fhirserver.store.extractors import extractors
from fhirserver.store.reindex import is_stale, reindex_step
from fhirserver.store.search_reindex import search_parameter_step


class Reindexing:
    """Walks through the resources of an older extractor, some hundred a step.

    Args:
        settings: `public_url` decides which absolute references are local.
    """

    def __init__(self, settings: Settings) -> None:
        self._base_url = settings.public_url
        self._url = settings.database_url
        self._full_text = settings.full_text
        self._after = 0

    def step(self, connection: Connection[Any]) -> bool:
        """Reindex the next resources, in a transaction of their own; True if there may be more."""
        own = extractor_of(r4_with(self._full_text))
        if not any(is_stale(made, own) for made in extractors(connection)):
            self._after = 0
            return False
        with closing(Database(self._url, max_size=1, full_text=self._full_text)) as database:
            database.current_definitions()

            def rows_of(resource: JsonObject) -> IndexRows:
                definitions = database.definitions
                return extract(resource, definitions=definitions, base_url=self._base_url)

            done = reindex_step(database, rows_of, after=self._after)
        self._after = done.after or 0
        return done.after is not None


class OwnParameters:
    """Does what search parameters of one's own need, some hundred resources a step.

    Args:
        settings: `public_url` decides which absolute references are local.
    """

    def __init__(self, settings: Settings) -> None:
        self._base_url = settings.public_url
        self._database = Database(settings.database_url, max_size=1, full_text=settings.full_text)

    def step(self, connection: Connection[Any]) -> bool:
        """Do the next piece, in a transaction of its own; True if there may be more."""
        if connection.execute(_UNDONE).fetchone() is None:
            self._database.close()  # it opens again when there is work
            return False
        return search_parameter_step(self._database, self._rows_of)

    def _rows_of(self, resource: JsonObject, definitions: Definitions) -> IndexRows:
        return extract(resource, definitions=definitions, base_url=self._base_url)


_UNDONE = "SELECT 1 FROM search_parameter WHERE state <> 'active' LIMIT 1"
