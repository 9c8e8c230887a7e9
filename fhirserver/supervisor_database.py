"""The supervisor's database: the embedded PostgreSQL kept alive, or the operator's own."""

import time
from collections.abc import Callable
from typing import Self

from fhirserver.config import Settings
from fhirserver.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from fhirserver.store.migrate import migrate

_PAUSE_MAX_S = 10.0


class Database:
    """Starts and migrates the database, and starts an embedded one again when it dies.

    Args:
        settings: `database_url` empty for the embedded PostgreSQL below `data_dir`, which archives
            in `archive_dir`.
        report: takes a line for the operator.
    """

    def __init__(self, settings: Settings, report: Callable[[str], None]) -> None:
        self._report = report
        self._embedded = (
            None
            if settings.database_url
            else EmbeddedPostgres(settings.data_dir, archive_dir=settings.archive_dir)
        )
        self._pause_s = 0.0
        self._not_before = 0.0
        self.url = settings.database_url

    def __enter__(self) -> Self:
        if self._embedded is not None:
            self.url = self._embedded.start()
        try:
            migrate(self.url)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        if self._embedded is not None:
            self._embedded.stop()

    def tend(self) -> None:
        """Start the embedded PostgreSQL again if it has died; blocks while it recovers."""
        if self._embedded is None or self._embedded.running or time.monotonic() < self._not_before:
            return
        self._report("PostgreSQL ended; starting it again")
        try:
            self._embedded.start()
        except EmbeddedPostgresError as error:
            self._pause_s = min(max(2 * self._pause_s, 0.5), _PAUSE_MAX_S)
            self._not_before = time.monotonic() + self._pause_s
            self._report(str(error))
        else:
            self._pause_s = 0.0
