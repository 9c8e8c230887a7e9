"""One entry of a batch, done once however often the batch is taken up again."""

from dataclasses import replace

from fhirserver.access import AuthContext
from fhirserver.interactions.bundle_request import perform
from fhirserver.interactions.failed_entry import failed_entry
from fhirserver.interactions.memory import Memory
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.transaction_entries import Entry
from fhirserver.interactions.transaction_response import result_entry
from fhirserver.interactions.types import Services
from fhirserver.store.cut_database import CutError
from fhirserver.store.job_rows import JobLostError
from fhirserver.store.write import WriteSession, run_write


def answer_once(services: Services, auth: AuthContext, entry: Entry, *, memory: Memory) -> bytes:
    """Run an entry and remember its answer, in one database transaction where it writes.

    The caller is looked up before each entry. What reads is planned as outside, and what fails has
    written nothing: their answers are remembered afterwards.
    """
    try:
        memory.check_caller()
        if entry.method not in ("GET", "HEAD"):
            return _write_once(services, auth, entry, memory)
        result = perform(services, auth, entry)
        answer = result_entry(entry, result, services.settings.public_url)
        memory.weigh(answer)
    except (JobLostError, CutError):
        raise  # no failure of the entry: somebody else has the batch, or nobody wants it
    except Exception as error:  # noqa: BLE001 - the edge of an entry: every failure is its answer
        answer = failed_entry(services, auth, entry, error)

    def attempt(session: WriteSession) -> bytes:
        earlier = memory.claim(session, entry.index)
        return memory.remember(session, entry.index, answer) if earlier is None else earlier

    return run_write(services.database, attempt)


def _write_once(services: Services, auth: AuthContext, entry: Entry, memory: Memory) -> bytes:
    def attempt(session: WriteSession) -> bytes:
        session.begin()
        earlier = memory.claim(session, entry.index)
        if earlier is not None:
            return earlier
        inside = replace(services, database=SessionDatabase(services.database, session))
        result = perform(inside, auth, entry)
        answer = result_entry(entry, result, services.settings.public_url)
        return memory.remember(session, entry.index, answer)

    return run_write(services.database, attempt)
