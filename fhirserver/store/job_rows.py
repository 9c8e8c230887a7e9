"""The job table: work that outlasts its request, kept until somebody has done it.

    waiting ──> running ──> done        it was done, whatever came of it
       ^           │  └───> failed      it was tried too often
       └───────────┘        cancelled   the resource that tells of it was deleted

A job without such a resource has a key, under which `fhirserver.store.job_answers` finds it.

A worker that takes a job has it until `expires` and prolongs that while it works. Whoever takes it
over raises its `fence`, and so does a cancellation. A worker writes nothing of a job but in a
transaction that holds the job's row at the fence it was given, so one that was frozen and wakes up
does no harm. Jobs are taken in their order; rows that others are about to take are skipped. A job
that is over keeps nothing of what it needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from psycopg import Connection
from psycopg.types.json import Jsonb

from fhirserver.model.json import JsonObject

Ended = Literal["done", "failed"]

_ADD = "INSERT INTO job (kind, parameters, caller, rid, key) VALUES (%s, %s, %s, %s, %s)"
_COUNT = """
SELECT count(*) FROM job LEFT JOIN resource r ON r.rid = job.rid AND r.state = 1
WHERE job.state IN ('waiting', 'running') AND job.caller ->> 'actor' = %s
AND (job.key IS NOT NULL OR r.rid IS NOT NULL)
"""
_UNENDED = """
SELECT job.parameters ->> 'report' FROM job JOIN resource r ON r.rid = job.rid AND r.state = 1
WHERE job.state IN ('waiting', 'running') AND job.kind = %s AND job.parameters ->> 'subject' = %s
LIMIT 1
"""
_WITHDRAW = """
UPDATE job SET state = 'cancelled', fence = fence + 1, parameters = '{}'
FROM resource r
WHERE job.state IN ('waiting', 'running') AND r.rid = job.rid AND r.state <> 1
"""
_TAKE = """
UPDATE job SET state = 'running', owner = %(owner)s, fence = fence + 1, attempts = attempts + 1,
    heartbeat = clock_timestamp(), expires = clock_timestamp() + make_interval(secs => %(ttl)s)
WHERE number = (
    SELECT number FROM job
    WHERE kind = ANY (%(kinds)s)
    AND (state = 'waiting' AND run_after <= clock_timestamp()
         OR state = 'running' AND expires < clock_timestamp())
    ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING number, kind, parameters, caller, attempts, fence
"""
_MINE = "number = %(number)s AND fence = %(fence)s AND state = 'running'"
_PROLONG = f"""
UPDATE job SET heartbeat = clock_timestamp(),
    expires = clock_timestamp() + make_interval(secs => %(ttl)s)
WHERE {_MINE}
"""  # noqa: S608 - constants
_HOLD = f"SELECT 1 FROM job WHERE {_MINE} FOR UPDATE"  # noqa: S608 - constants
_END = f"""
UPDATE job SET state = %(state)s, parameters = '{{}}' WHERE {_MINE}
"""  # noqa: S608 - constants
_PUT_BACK = f"""
UPDATE job SET state = 'waiting', owner = NULL, attempts = attempts - %(uncounted)s,
    run_after = clock_timestamp() + make_interval(secs => %(pause)s)
WHERE {_MINE}
"""  # noqa: S608 - constants


class JobLostError(Exception):
    """The job was cancelled, or another worker has taken it over."""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as taken.

    Attributes:
        number: identity.
        kind: what is to be done.
        parameters: what its kind needs to know.
        caller: who asked, as `fhirserver.access.keep_caller` writes it.
        attempts: how often it was taken, this time included.
        fence: grows whenever it is taken or cancelled.
    """

    number: int
    kind: str
    parameters: JsonObject
    caller: Mapping[str, Any]
    attempts: int
    fence: int


def add_job(
    connection: Connection[Any],
    kind: str,
    parameters: JsonObject,
    caller: Mapping[str, Any],
    rid: int | None = None,
    key: str | None = None,
) -> None:
    """Add a job to what waits; give it a rid or a key.

    Args:
        connection: in the transaction that writes the resource that tells of it, if one does.
        kind: what is to be done.
        parameters: what its kind needs to know; no NUL character anywhere.
        caller: see `Job`.
        rid: row id of the resource that tells of it; once that is deleted, the job is cancelled.
        key: under which its caller asks how it goes.
    """
    connection.execute(_ADD, (kind, Jsonb(parameters), Jsonb(caller), rid, key))


def count_jobs(connection: Connection[Any], actor: str) -> int:
    """Count what waits or runs for a caller."""
    row = connection.execute(_COUNT, (actor,)).fetchone()
    assert row is not None
    return int(row[0])


def unended_job(connection: Connection[Any], kind: str, subject: str) -> str | None:
    """Give the id of the resource that tells of a job that waits or runs; None for none.

    Args:
        connection: in the transaction that would add another.
        kind: of the job.
        subject: its parameter of that name, which says what it works on.
    """
    row = connection.execute(_UNENDED, (kind, subject)).fetchone()
    return None if row is None else str(row[0])


def withdraw_jobs(connection: Connection[Any]) -> None:
    """Cancel the jobs whose resources were deleted."""
    connection.execute(_WITHDRAW)


def take_job(
    connection: Connection[Any], owner: str, kinds: Sequence[str], ttl_s: float
) -> Job | None:
    """Take the first job that waits, or whose worker has not been heard of for too long.

    Args:
        connection: autocommit.
        owner: unique per process and start.
        kinds: what this process can do.
        ttl_s: seconds until others may take it over.
    """
    arguments = {"owner": owner, "kinds": list(kinds), "ttl": ttl_s}
    row = connection.execute(_TAKE, arguments).fetchone()
    return None if row is None else Job(*row)


def prolong_job(connection: Connection[Any], job: Job, ttl_s: float) -> None:
    """Keep a job for another while.

    Raises:
        JobLostError: it is not this worker's any more.
    """
    _change(connection, _PROLONG, job, ttl=ttl_s)


def hold_job(connection: Connection[Any], job: Job) -> None:
    """Keep everybody from taking or cancelling a job until the transaction ends.

    Raises:
        JobLostError: it is not this worker's any more.
    """
    _change(connection, _HOLD, job)


def end_job(connection: Connection[Any], job: Job, state: Ended) -> None:
    """Say that nothing more is to be done.

    Raises:
        JobLostError: it is not this worker's any more.
    """
    _change(connection, _END, job, state=state)


def put_back_job(
    connection: Connection[Any], job: Job, *, pause_s: float = 0.0, counted: bool = True
) -> None:
    """Leave a job to whoever takes it next.

    Args:
        connection: autocommit.
        job: as taken.
        pause_s: how long to leave it alone.
        counted: whether this was an attempt.

    Raises:
        JobLostError: it is not this worker's any more.
    """
    _change(connection, _PUT_BACK, job, pause=pause_s, uncounted=0 if counted else 1)


def _change(connection: Connection[Any], sql: str, job: Job, **values: object) -> None:
    cursor = connection.execute(sql.encode(), {"number": job.number, "fence": job.fence, **values})
    if cursor.rowcount != 1:
        raise JobLostError(job.kind)
