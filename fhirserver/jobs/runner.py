"""The loop of background work."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import Connection

from fhirserver.errors import FhirError
from fhirserver.jobs.connected import log_failure, owner_name, while_connected
from fhirserver.jobs.duties import Duty
from fhirserver.jobs.lease import Lease, LeaseLostError, fenced, release_lease, take_lease

TICK_S = 0.5
_TTL_S = 30.0
_RENEW_S = 10.0
_PAUSE_AFTER_FAILURE_S = 30.0


class Runner:
    """Does the duties whose leases it can get, until told to stop.

    Args:
        url: of the database.
        duties: what to do.
        stop: ends the loop soon after it is set.
    """

    def __init__(self, url: str, duties: Sequence[Duty], stop: threading.Event) -> None:
        self._url = url
        self._duties = duties
        self._stop = stop
        self._owner = owner_name()
        self._due: dict[str, float] = {}
        self._leases: dict[str, tuple[Lease, float]] = {}

    def run(self) -> None:
        """Work until stopped; a database that goes away is looked for again.

        Raises:
            SchemaRevisionError: the database needs another version of this program.
        """
        while_connected(self._url, self._stop, self._work)

    def _work(self, connection: Connection[Any]) -> None:
        self._leases.clear()
        while not self._stop.is_set():
            more = [self._attend(connection, duty) for duty in self._duties]
            if not any(more):
                self._stop.wait(TICK_S)
        for lease, _ in self._leases.values():
            release_lease(connection, lease)

    def _attend(self, connection: Connection[Any], duty: Duty) -> bool:
        """Do one step of a duty if it is due; True if more of it is waiting."""
        if time.monotonic() < self._due.get(duty.name, 0.0):
            return False
        pause_s = duty.every_s
        more = False
        try:
            lease = self._lease(connection, duty)
            if lease is not None:
                with fenced(connection, lease):
                    more = duty.step(connection)
        except LeaseLostError:
            del self._leases[duty.name]
        except (psycopg.Error, FhirError) as error:
            if connection.closed:
                raise
            log_failure(duty.name, error)
            pause_s = _PAUSE_AFTER_FAILURE_S
        self._due[duty.name] = time.monotonic() + (0.0 if more else pause_s)
        return more

    def _lease(self, connection: Connection[Any], duty: Duty) -> Lease | None:
        held = self._leases.get(duty.name)
        if held is not None and time.monotonic() < held[1]:
            return held[0]
        lease = take_lease(connection, duty.name, self._owner, _TTL_S)
        if lease is None:
            self._leases.pop(duty.name, None)
        else:
            self._leases[duty.name] = (lease, time.monotonic() + _RENEW_S)
        return lease
