"""Connections to PostgreSQL: two pools and what turns their failures into answers.

The main pool runs prepared statements by key with plans that are kept; the search pool plans
every statement for its values, because a search's best plan depends on them, and limits its time.
Session settings travel in the connection's start-up packet, so a transaction pooler may stand
between.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Literal

import psycopg
from psycopg import errors
from psycopg_pool import ConnectionPool, PoolTimeout

from fhirserver.definitions import Definitions, r4
from fhirserver.errors import UnavailableError, UnprocessableError
from fhirserver.store.identities import Identities
from fhirserver.store.rid_blocks import RidBlocks
from fhirserver.store.statement import StoreConnection

_RESTARTING = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,  # a standby that has not been promoted yet
)


def now_us() -> int:
    """Return the present instant in epoch microseconds."""
    return time.time_ns() // 1000


class Database:
    """One PostgreSQL database as this process uses it.

    Args:
        url: libpq URL; holds the password.
        min_size: connections kept open in each pool.
        max_size: connections at most in each pool.
        timeout_s: seconds to wait for a free one before `UnavailableError`.
        statement_timeout_ms: time a search may take, and time a write may wait for a lock; a
            write itself may take ten times as long.
        audit_durability: whether a read's answer waits until its audit row is on disk.
        clock: epoch microseconds; stamps `meta.lastUpdated`.
    """

    def __init__(  # noqa: PLR0913 - the settings that one place knows
        self,
        url: str,
        *,
        min_size: int = 1,
        max_size: int = 6,
        timeout_s: float = 5.0,
        statement_timeout_ms: int = 30_000,
        audit_durability: Literal["durable", "async"] = "durable",
        clock: Callable[[], int] = now_us,
    ) -> None:
        self.url = url
        self.clock = clock
        self.lazy_audit = audit_durability == "async"
        self.identities = Identities()
        self.rids = RidBlocks()
        self._sizes = (min_size, max_size)
        self._timeout_s = timeout_s
        self._statement_timeout_ms = statement_timeout_ms

    @cached_property
    def definitions(self) -> Definitions:
        """The definitions that number resource types and search parameters."""
        return r4()

    def close(self) -> None:
        """Close the pools; running statements are cut off."""
        for name in ("_main", "_search"):
            pool = self.__dict__.pop(name, None)
            if pool is not None:
                pool.close()

    @contextmanager
    def connection(self) -> Iterator[StoreConnection]:
        """Lend an autocommit connection for statements by key.

        Raises:
            UnavailableError: none is free in time, or the database cannot be reached.
        """
        with _answering(self._main), self._main.connection() as connection:
            yield connection

    @contextmanager
    def search_connection(self) -> Iterator[StoreConnection]:
        """Lend an autocommit connection that plans every statement for its values.

        Raises:
            UnavailableError: none is free in time, or the database cannot be reached.
        """
        with _answering(self._search), self._search.connection() as connection:
            yield connection

    @cached_property
    def _main(self) -> ConnectionPool[StoreConnection]:
        # Planning the write statement takes longer than running it, so plans are kept; a kept
        # plan may date from when a table was empty, so none may scan one.
        limit = self._statement_timeout_ms
        return self._open_pool(
            "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan"
            f" -c lock_timeout={limit} -c statement_timeout={10 * limit}",
            None,
        )

    @cached_property
    def _search(self) -> ConnectionPool[StoreConnection]:
        return self._open_pool(
            "-c plan_cache_mode=force_custom_plan"
            f" -c statement_timeout={self._statement_timeout_ms}"
            f" -c synchronous_commit={'off' if self.lazy_audit else 'on'}",
            5,
        )

    def _open_pool(self, options: str, threshold: int | None) -> ConnectionPool[StoreConnection]:
        minimum, maximum = self._sizes
        return ConnectionPool(
            self.url,
            connection_class=StoreConnection,
            kwargs={
                "autocommit": True,
                "prepare_threshold": threshold,
                "application_name": "fhirserver",
                "connect_timeout": 10,
                "options": f"{options} -c jit=off -c TimeZone=UTC",
            },
            min_size=minimum,
            max_size=maximum,
            timeout=self._timeout_s,
            # Attempts wait twice as long each time; requests start new ones once these end.
            reconnect_timeout=self._timeout_s,
            open=True,
        )


@contextmanager
def _answering(pool: ConnectionPool[StoreConnection]) -> Iterator[None]:
    """Turn a database that cannot serve into an answer that says when to come back."""
    try:
        yield
    except PoolTimeout as error:
        raise UnavailableError("Every database connection is in use; try again shortly.") from error
    except (errors.QueryCanceled, errors.LockNotAvailable) as error:
        raise UnavailableError(
            "The database took too long; ask for less at once or try again.", retry_after_s=10
        ) from error
    except (errors.DeadlockDetected, errors.SerializationFailure):
        raise
    except (psycopg.DataError, errors.ProgramLimitExceeded) as error:
        raise UnprocessableError(
            "A value cannot be stored or compared: a number is out of range, a text holds a NUL "
            "character, or it is too long; send one within bounds."
        ) from error
    except _RESTARTING as error:
        pool.check()  # what was lost with this one is replaced before somebody else is lent it
        raise UnavailableError("The database cannot be reached; try again shortly.") from error
