"""Connections to PostgreSQL: two pools and what turns their failures into answers.

The main pool runs prepared statements by key with plans that are kept; the search pool plans
every statement for its values, because a search's best plan depends on them, and limits its time.
Session settings travel in the connection's start-up packet, so a transaction pooler may stand
between.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import psycopg
from psycopg import errors, pq
from psycopg_pool import ConnectionPool, PoolTimeout

from fhirserver.definitions import Definitions, FullText, r4_with
from fhirserver.errors import UnavailableError, UnprocessableError
from fhirserver.store.identities import Identities
from fhirserver.store.rid_blocks import RidBlocks
from fhirserver.store.search_registry import Registry
from fhirserver.store.statement import StoreConnection

if TYPE_CHECKING:
    from fhirserver.store.write_session import WriteSession

Durability = Literal["durable", "async"]


def now_us() -> int:
    """Return the present instant in epoch microseconds."""
    return time.time_ns() // 1000


class Database:
    """One PostgreSQL database as this process uses it.

    `session` is the write session that writes join instead of opening one of their own; None where
    there is none. `on_dangling` is called after a commit that stored references to nothing with a
    warning, with their number; the composition root sets it.

    Args:
        url: libpq URL; holds the password.
        min_size: connections kept open in each pool.
        max_size: connections at most in each pool.
        timeout_s: seconds to wait for a free one before `UnavailableError`.
        statement_timeout_ms: time a search may take, and time a write may wait for a lock; a
            write itself may take ten times as long.
        audit_durability: whether a read's answer waits until its audit row is on disk.
        full_text: which words are indexed and searched.
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
        audit_durability: Durability = "durable",
        full_text: FullText = "text",
        clock: Callable[[], int] = now_us,
    ) -> None:
        self.url = url
        self._full_text = full_text
        self.clock = clock
        self.lazy_audit = audit_durability == "async"
        self.identities = Identities()
        self.rids = RidBlocks()
        self.session: WriteSession | None = None
        self.on_dangling: Callable[[int], None] = lambda _count: None
        self._sizes = (min_size, max_size)
        self._timeout_s = timeout_s
        self.statement_timeout_ms = statement_timeout_ms

    @cached_property
    def registry(self) -> Registry:
        """The search parameters of one's own, as this process last saw them."""
        return Registry(r4_with(self._full_text))

    @property
    def definitions(self) -> Definitions:
        """The definitions that number resource types and search parameters, as last seen."""
        return self.registry.definitions

    def current_definitions(self) -> Definitions:
        """Look whether the search parameters have changed, and give those that are in force.

        Raises:
            UnavailableError: the database cannot be asked.
        """
        with self.connection() as connection:
            return self.registry.renew(connection)

    def close(self) -> None:
        """Close the pools; running statements are cut off."""
        for name in ("_main", "_search"):
            pool = self.__dict__.pop(name, None)
            if pool is not None:
                pool.close()

    def connection(self) -> AbstractContextManager[StoreConnection]:
        """Lend an autocommit connection for statements by key.

        Raises:
            UnavailableError: none is free in time, or the database cannot be reached.
        """
        return _Loan(self._main)

    def search_connection(self) -> AbstractContextManager[StoreConnection]:
        """Lend an autocommit connection that plans every statement for its values.

        Raises:
            UnavailableError: none is free in time, or the database cannot be reached.
        """
        return _Loan(self._search)

    @cached_property
    def _main(self) -> ConnectionPool[StoreConnection]:
        # Planning the write statement takes longer than running it, so plans are kept; a kept
        # plan may date from when a table was empty, so none may scan one.
        limit = self.statement_timeout_ms
        return self._open_pool(
            "-c enable_seqscan=off -c plan_cache_mode=force_generic_plan"
            f" -c lock_timeout={limit} -c statement_timeout={10 * limit}",
            None,
        )

    @cached_property
    def _search(self) -> ConnectionPool[StoreConnection]:
        return self._open_pool(
            "-c plan_cache_mode=force_custom_plan"
            f" -c statement_timeout={self.statement_timeout_ms}"
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


def _was_cut_off(idle: StoreConnection) -> bool:
    """Tell whether the server has said anything: to an idle connection it says that it ends.

    Costs one system call and no round trip. A changed setting is told too, and costs a new
    connection.
    """
    poll = select.poll()
    poll.register(idle.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


class _Loan(AbstractContextManager[StoreConnection]):
    """A connection for the length of a `with`; failures become answers that say what to do.

    Every request takes one, so this is a class and not three generators one inside the other.
    """

    __slots__ = ("_connection", "_pool")

    def __init__(self, pool: ConnectionPool[StoreConnection]) -> None:
        self._pool = pool

    def __enter__(self) -> StoreConnection:
        try:
            connection = self._pool.getconn()
            while _was_cut_off(connection):
                connection.close()
                self._pool.putconn(connection)
                connection = self._pool.getconn()
        except psycopg.Error as error:
            self._answer(error)
            raise
        self._connection = connection
        return connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection = self._connection
        try:
            if connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
                connection.__exit__(kind, error, trace)
        except psycopg.Error as failure:
            self._answer(failure)
            raise
        finally:
            self._pool.putconn(connection)
        if error is not None:
            self._answer(error)

    def _answer(self, error: BaseException) -> None:
        """Raise the answer to a failure of the database; any other is its caller's."""
        match error:
            case PoolTimeout():
                raise UnavailableError(
                    "Every database connection is in use; try again shortly."
                ) from error
            case errors.QueryCanceled() | errors.LockNotAvailable():
                raise UnavailableError(
                    "The database took too long; ask for less at once or try again.",
                    retry_after_s=10,
                ) from error
            case errors.DeadlockDetected() | errors.SerializationFailure():
                return
            case psycopg.DataError() | errors.ProgramLimitExceeded():
                raise UnprocessableError(
                    "A value cannot be stored or compared: a number is out of range, a text holds"
                    " a NUL character, or it is too long; send one within bounds."
                ) from error
            case errors.DiskFull() | errors.OutOfMemory() | errors.TooManyConnections():
                raise UnavailableError(
                    "The database has no room left, and nothing was stored; try again later or"
                    " tell the server's operator.",
                    retry_after_s=30,
                ) from error
            # A standby that has not been promoted yet lets nobody write.
            case (
                psycopg.OperationalError()
                | psycopg.InterfaceError()
                | errors.ReadOnlySqlTransaction()
            ):
                self._pool.check()  # what is lost is replaced before somebody else is lent it
                raise UnavailableError(
                    "The database cannot be reached; try again shortly."
                ) from error
            case _:
                return
