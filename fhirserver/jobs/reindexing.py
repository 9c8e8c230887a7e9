"""Give resources that an older version's extractor indexed the index rows of this one."""

from contextlib import closing
from typing import Any

from psycopg import Connection

from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.model.json import JsonObject
from fhirserver.search.extract import IndexRows, extract
from fhirserver.store.database import Database
from fhirserver.store.reindex import reindex_step


class Reindexing:
    """Walks through the resources, some hundred a step.

    Args:
        settings: `public_url` decides which absolute references are local.
    """

    def __init__(self, settings: Settings) -> None:
        self._base_url = settings.public_url
        self._url = settings.database_url
        self._after = 0

    def step(self, _connection: Connection[Any]) -> bool:
        """Reindex the next resources, in a transaction of their own; True if there may be more."""
        with closing(Database(self._url, max_size=1)) as database:
            done = reindex_step(database, self._rows_of, after=self._after)
        self._after = done.after or 0
        return done.after is not None

    def _rows_of(self, resource: JsonObject) -> IndexRows:
        return extract(resource, definitions=r4(), base_url=self._base_url)
