"""Keep working on a database that may go away."""

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import Connection

from fhirserver.errors import FhirError
from fhirserver.store.migrate import check_revision

_log = logging.getLogger("fhirserver.jobs")
_PAUSE_S = 1.0


def while_connected(
    url: str, stop: threading.Event, work: Callable[[Connection[Any]], None]
) -> None:
    """Call `work` with an autocommit connection, again whenever that is lost, until told to stop.

    Args:
        url: of the database.
        stop: `work` returns soon after it is set.
        work: takes up where it was by what the database says.

    Raises:
        SchemaRevisionError: the database needs another version of this program.
    """
    while not stop.is_set():
        try:
            with psycopg.connect(
                url, autocommit=True, application_name="fhirserver-jobs"
            ) as connection:
                check_revision(connection)
                work(connection)
        except (psycopg.Error, FhirError):
            _log.warning("the database cannot be reached; trying again")
            stop.wait(_PAUSE_S)


def owner_name() -> str:
    """Make a name for who takes leases and jobs, another at every start."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def log_failure(name: str, error: Exception) -> None:
    """Log what went wrong, and no content: PostgreSQL's message may quote a row, its code not."""
    code = error.sqlstate if isinstance(error, psycopg.Error) else ""
    _log.error("%s failed: %s %s", name, type(error).__name__, code)
