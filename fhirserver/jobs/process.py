"""The process of background jobs."""

import signal
import threading

from fhirserver.config import Settings
from fhirserver.jobs.duties import make_duties
from fhirserver.jobs.runner import Runner
from fhirserver.lifeline import Lifeline
from fhirserver.logs import configure_logging


def work(settings: Settings, lifeline: int | None) -> int:
    """Work until told to stop.

    Args:
        settings: with `database_url`.
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
    Runner(settings.database_url, make_duties(settings), stop).run()
    return 0
