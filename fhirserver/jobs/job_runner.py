"""The loop of jobs: take one, do it, take the next.

A job whose worker died is taken again once its lease has run out, and done again from its
beginning: what a kind does must come to the same when it is done twice. One that was tried
`ATTEMPTS_MAX` times is given up, so that a job which kills its workers does not do so for ever.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from psycopg import Connection

from fhirserver.jobs.connected import log_failure, owner_name, while_connected
from fhirserver.store.job_rows import (
    Job,
    JobLostError,
    prolong_job,
    put_back_job,
    take_job,
    withdraw_jobs,
)

ATTEMPTS_MAX = 3
BEAT_S = 1.0
_TTL_S = 15.0
_PAUSE_AFTER_FAILURE_S = 5.0

Beat = Callable[[], None]


class StopError(Exception):
    """This process is to end: leave the job to the next one."""


class Kind(NamedTuple):
    """What is done with jobs of one kind.

    Attributes:
        run: does it, and ends the job. Calls the given function every `BEAT_S` or so; what that
            raises must end the work soon: StopError, JobLostError, psycopg.Error.
        give_up: ends a job that was tried too often.
    """

    run: Callable[[Job, Beat], None]
    give_up: Callable[[Job], None]


class JobRunner:
    """Does jobs, one at a time, until told to stop.

    Args:
        url: of the database.
        kinds: what can be done, by name.
        stop: ends the loop soon after it is set.
    """

    def __init__(self, url: str, kinds: Mapping[str, Kind], stop: threading.Event) -> None:
        self._url = url
        self._kinds = kinds
        self._stop = stop
        self._owner = owner_name()

    def run(self) -> None:
        """Work until stopped; a database that goes away is looked for again.

        Raises:
            SchemaRevisionError: the database needs another version of this program.
        """
        while_connected(self._url, self._stop, self._work)

    def _work(self, connection: Connection[Any]) -> None:
        while not self._stop.is_set():
            withdraw_jobs(connection)
            job = take_job(connection, self._owner, tuple(self._kinds), _TTL_S)
            if job is None:
                self._stop.wait(BEAT_S)
            else:
                self._attend(connection, job)

    def _attend(self, connection: Connection[Any], job: Job) -> None:
        kind = self._kinds[job.kind]
        try:
            if job.attempts > ATTEMPTS_MAX:
                kind.give_up(job)
            else:
                kind.run(job, lambda: self._beat(connection, job))
        except JobLostError:
            return  # whoever has it now, or cancelled it, says what becomes of it
        except StopError:
            _put_back(connection, job, counted=False)
        except Exception as error:  # noqa: BLE001 - the edge: no job may end the loop
            log_failure(job.kind, error)
            _put_back(connection, job, pause_s=_PAUSE_AFTER_FAILURE_S * job.attempts)

    def _beat(self, connection: Connection[Any], job: Job) -> None:
        if self._stop.is_set():
            raise StopError
        withdraw_jobs(connection)
        prolong_job(connection, job, _TTL_S)


def _put_back(
    connection: Connection[Any], job: Job, *, pause_s: float = 0.0, counted: bool = True
) -> None:
    with suppress(JobLostError):
        put_back_job(connection, job, pause_s=pause_s, counted=counted)
