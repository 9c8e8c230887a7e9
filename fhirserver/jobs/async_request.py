"""The jobs of requests with `Prefer: respond-async`: perform the request and keep its answer.

Spec: https://hl7.org/fhir/R4/async.html, https://hl7.org/fhir/R5/async-bundle.html

The answer is a Bundle of type batch-response with one entry, whatever was asked for:

    response.status     what the status would have been
    resource            the body: a searchset, history, batch-response or transaction-response
    response.outcome    of an error its OperationOutcome; else that the resource is not everything

The request runs in a thread of its own, so that the job is kept, and noticed as cancelled, during a
long statement. It runs as its caller, and what it does is audited as that. Whether the caller may
still have it done is looked at when it starts, before each entry of a batch, and before a
transaction commits.

An answer has no pages: the greatest number of matches or versions is a setting.

A search or history that was interrupted is performed again. Each entry of a batch, and a
transaction, is written in one database transaction with the note that it is done.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace

from fhirserver.access import AuthContext, read_caller
from fhirserver.audit import leaves_no_row, record_refusal
from fhirserver.config import Settings
from fhirserver.errors import FhirError, TooLargeError
from fhirserver.interactions import Result, Services
from fhirserver.interactions.async_answer import answer_bundle, error_bundle
from fhirserver.interactions.deferred import Deferred, perform, read_deferred
from fhirserver.interactions.on_behalf import working_caller
from fhirserver.jobs.job_runner import BEAT_S, Beat, Kind
from fhirserver.store.cut_database import CutDatabase
from fhirserver.store.job_answers import conclude_job, keep_entry, kept_entries
from fhirserver.store.job_rows import Job
from fhirserver.store.write import WriteSession, run_write


class GivenUpError(FhirError):
    """The request was taken up several times and never came to an end."""

    status = 500
    code = "exception"


def async_kind(services: Services) -> Kind:
    """Give what is done with these jobs."""

    def run(job: Job, beat: Beat) -> None:
        with _own_database(services) as database:
            inside = replace(
                services,
                database=database,
                definitions=database.current_definitions(),
                settings=whole(services.settings),
                cursor_key=b"",
            )
            _attend(Work(inside, job).run, beat, database)

    def give_up(job: Job) -> None:
        error = GivenUpError(
            "The request was started several times, and each time it failed or the process that "
            f"ran it ended with it. Report request id {job.caller['request_id']}."
        )
        with services.database.connection() as connection, connection.transaction():
            conclude_job(connection, job, error_bundle(error), services.now(), "failed")

    return Kind(run, give_up)


def whole(settings: Settings) -> Settings:
    """Have answers whole up to a limit. Pure."""
    limit = settings.async_result_limit
    return replace(settings, page_size=limit, page_size_max=limit, include_limit=limit)


@contextmanager
def _own_database(services: Services) -> Iterator[CutDatabase]:
    settings = services.settings
    database = CutDatabase(
        services.database.url,
        statement_timeout_ms=settings.async_statement_timeout_ms,
        audit_durability=settings.audit_durability,
        full_text=settings.full_text,
    )
    try:
        yield database
    finally:
        database.close()


def _attend(work: Callable[[], None], beat: Beat, database: CutDatabase) -> None:
    """Keep the job while the work goes on, and cut that off when the job is lost."""
    with ThreadPoolExecutor(1, "request") as pool:
        future = pool.submit(work)
        try:
            while not _has_ended(future):
                beat()
        except BaseException:
            database.cut()
            while not _has_ended(future):
                database.cut()
            raise
        future.result()


def _has_ended(future: Future[None]) -> bool:
    return bool(wait((future,), BEAT_S).done)


class Work:
    """One attempt at one job; also the `Memory` of its Bundle.

    Args:
        services: what the interaction works with.
        job: as taken.
    """

    def __init__(self, services: Services, job: Job) -> None:
        self._services = services
        self._job = job
        self._size_bytes = 0

    def run(self) -> None:
        """Perform the request and end the job.

        Raises:
            JobLostError: it is not this worker's any more.
        """
        request = read_deferred(self._job.parameters)
        try:
            result = perform(self._services, self._caller(), request, self)
            if request.is_transaction:
                return
            answer = answer_bundle(result)
            if request.bundle is None:
                self.weigh(answer)
        except FhirError as error:
            self._tell(request, error)
            answer = error_bundle(error)
        run_write(self._services.database, lambda session: self._conclude(session, answer))

    def _tell(self, request: Deferred, error: FhirError) -> None:
        """Tell the audit trail of a request that failed, as of one that is answered at once."""
        if leaves_no_row(request.interaction, error):
            services = self._services
            auth = read_caller(self._job.caller, services.definitions)
            place = (request.type, request.id)
            record_refusal(services.database, auth, request.interaction, place, error)

    def check_caller(self) -> None:
        """Refuse to go on where the caller may not do any more what it could when it asked."""
        self._caller()

    def _caller(self) -> AuthContext:
        return working_caller(self._services, dict(self._job.caller))

    def recall(self) -> dict[int, bytes]:
        """Give the answers to the entries of a batch that are done, by index."""
        with self._services.database.connection() as connection:
            kept = kept_entries(connection, self._job)
        self._size_bytes = sum(map(len, kept.values()))
        return kept

    def weigh(self, answer: bytes) -> None:
        """Refuse one more answer if all together would be too large to keep.

        Raises:
            TooLargeError: they would be.
        """
        limit = self._services.settings.async_result_limit_bytes
        if self._size_bytes + len(answer) > limit:
            raise TooLargeError(
                f"The answer would have more than {limit} bytes, which is this server's "
                "FHIRSERVER_ASYNC_RESULT_LIMIT_BYTES. Ask for less at once."
            )

    def claim(self, _session: WriteSession, _entry: int) -> None:
        """Give nothing: whoever is not at the job any more cannot remember anything either."""

    def remember(self, session: WriteSession, entry: int, answer: bytes) -> bytes:
        """Remember the answer to an entry of a batch, and give it; an earlier one stays."""
        self._size_bytes += len(answer)
        return keep_entry(session.by_key, self._job, entry, answer)

    def conclude(self, session: WriteSession, result: Result) -> None:
        """End the job with the answer to a transaction, in that.

        Raises:
            TooLargeError: it is too large to keep.
            UnauthorizedError, ForbiddenError: the caller may not have it done any more.
        """
        self.check_caller()
        answer = answer_bundle(result)
        self.weigh(answer)
        self._conclude(session, answer)

    def _conclude(self, session: WriteSession, answer: bytes) -> None:
        conclude_job(session.connection, self._job, answer, self._services.now())
