"""Jobs that are followed by their key: how far they are, what came of them, and their end.

    waiting ──> running ──> done, failed    the row holds the answer, until it expires
       │           │
       └───────────┴──> (no row)            its caller has cancelled it

A batch keeps the answer to each entry in `job_entry` as soon as it has it, in the transaction that
writes what the entry asks for. So whoever takes the job over knows which entries are done.
"""

from typing import Any, NamedTuple

from psycopg import Connection

from fhirserver.model.json import JsonObject
from fhirserver.store import binary
from fhirserver.store.job_rows import Ended, Job, JobLostError
from fhirserver.store.statement import StoreConnection, run, statement

_OF_CALLER = """
key = %(key)s AND %(principal)s
    = coalesce(caller ->> 'principal', concat_ws(E'\\n', caller ->> 'actor', caller ->> 'client'))
"""
_FIND = f"""
SELECT state, extract(epoch FROM clock_timestamp() - created)::float8,
    (SELECT count(*) FROM job_entry WHERE job = number), ended, answer,
    CASE WHEN ended IS NOT NULL THEN parameters END, caller
FROM job WHERE {_OF_CALLER}
"""  # noqa: S608 - constants
_FORGET = f"DELETE FROM job WHERE {_OF_CALLER}"  # noqa: S608 - constants
_EXPIRE = """
DELETE FROM job WHERE number IN (
    SELECT number FROM job WHERE ended <= %s ORDER BY ended LIMIT %s FOR UPDATE SKIP LOCKED)
"""
_CONCLUDE = """
UPDATE job SET state = %s, answer = %s, ended = %s,
    parameters = parameters - '{query,bundle,provenance}'::text[]
WHERE number = %s AND fence = %s AND state = 'running'
"""
_KEEP = statement("""
WITH held AS (
    SELECT number FROM job
    WHERE number = :number::bigint AND fence = :fence::bigint AND state = 'running' FOR UPDATE)
INSERT INTO job_entry AS kept (job, entry, answer)
SELECT number, :entry::int, :answer::bytea FROM held
ON CONFLICT (job, entry) DO UPDATE SET answer = kept.answer RETURNING answer
""")
"""As `hold_job` and an INSERT, in one statement: a batch runs it for each entry."""
_KEPT = "SELECT entry, answer FROM job_entry WHERE job = %s"
_FORGET_KEPT = "DELETE FROM job_entry WHERE job = %s"


class Followed(NamedTuple):
    """How a job is.

    Attributes:
        state: "waiting", "running", "done" or "failed".
        age_s: seconds since it was accepted.
        entries: of a batch that are done.
        ended_us: when it ended, epoch microseconds; None before.
        answer: what came of it, as JSON; None before.
        asked: parameters that say what it was, without content; None before.
        caller: who asked, see `Job`.
    """

    state: str
    age_s: float
    entries: int
    ended_us: int | None
    answer: bytes | None
    asked: JsonObject | None
    caller: JsonObject


def find_followed(connection: Connection[Any], key: str, principal: str) -> Followed | None:
    """Find a job of a caller; None where it has none of that key.

    Args:
        connection: in any state.
        key: of the job.
        principal: must be the one that stands in the job's caller.
    """
    row = connection.execute(_FIND.encode(), {"key": key, "principal": principal}).fetchone()
    return None if row is None else Followed(*row)


def forget_followed(connection: Connection[Any], key: str, principal: str) -> bool:
    """Cancel a job if it has not ended, and forget it; False where the caller has none of that key.

    Whoever works at it finds out with its next word.
    """
    return connection.execute(_FORGET.encode(), {"key": key, "principal": principal}).rowcount > 0


def forget_ended(connection: Connection[Any], before_us: int, most: int) -> int:
    """Forget jobs that ended at an instant or before it, oldest first, and count them."""
    return connection.execute(_EXPIRE, (before_us, most)).rowcount


def conclude_job(
    connection: Connection[Any], job: Job, answer: bytes, ended_us: int, state: Ended = "done"
) -> None:
    """End a job with an answer; of its parameters query, bundle and provenance go.

    Raises:
        JobLostError: it is not this worker's any more; the transaction must be rolled back.
    """
    changed = connection.execute(_CONCLUDE, (state, answer, ended_us, job.number, job.fence))
    if changed.rowcount != 1:
        raise JobLostError(job.kind)
    connection.execute(_FORGET_KEPT, (job.number,))


def keep_entry(connection: StoreConnection, job: Job, entry: int, answer: bytes) -> bytes:
    """Keep the answer to an entry, and give the one that is kept: an earlier one stays.

    Args:
        connection: in the transaction that does what the entry asks for, if it changes anything.
        job: a batch.
        entry: its index.
        answer: the entry of the response, as JSON.

    Raises:
        JobLostError: it is not this worker's any more; the transaction must be rolled back.
    """
    arguments = {
        "number": binary.int8(job.number),
        "fence": binary.int8(job.fence),
        "entry": binary.int4(entry),
        "answer": answer,
    }
    kept = run(connection, _KEEP, arguments)
    if kept.ntuples == 0:
        raise JobLostError(job.kind)
    return kept.get_value(0, 0) or b""


def kept_entries(connection: Connection[Any], job: Job) -> dict[int, bytes]:
    """Give the answers to the entries that are done, by index."""
    return dict(connection.execute(_KEPT, (job.number,)).fetchall())
