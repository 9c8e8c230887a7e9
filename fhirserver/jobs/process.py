"""The process of background work: duties in its main thread, each kind of job in another.

A search does not wait behind a run of a TestScript.
"""

import signal
import threading
from contextlib import suppress

from fhirserver.interactions import Services
from fhirserver.jobs.duties import make_duties
from fhirserver.jobs.job_runner import JobRunner
from fhirserver.jobs.kinds import make_kinds
from fhirserver.jobs.runner import Runner
from fhirserver.lifeline import Lifeline
from fhirserver.logs import configure_logging
from fhirserver.store.migrate import SchemaRevisionError


def work(services: Services, lifeline: int | None) -> int:
    """Work until told to stop.

    Args:
        services: what jobs work with.
        lifeline: descriptor of the socket to the supervisor; None where there is none.

    Returns:
        The exit code.

    Raises:
        SchemaRevisionError: the database needs another version of this program.
    """
    configure_logging()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Lifeline(lifeline).ready()
    url = services.settings.database_url
    threads = [
        threading.Thread(target=_run, args=(JobRunner(url, {name: kind}, stop), stop), name=name)
        for name, kind in make_kinds(services).items()
    ]
    for thread in threads:
        thread.start()
    try:
        Runner(url, make_duties(services.settings), stop).run()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        services.database.close()
    return 0


def _run(jobs: JobRunner, stop: threading.Event) -> None:
    """Do jobs; the main thread finds out by itself that the schema is another, and says so."""
    with suppress(SchemaRevisionError):
        jobs.run()
    stop.set()
