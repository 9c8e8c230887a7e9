"""The process of background jobs."""

import signal
import threading

from fhirserver.config import Settings
from fhirserver.lifeline import Lifeline


def work(settings: Settings, lifeline: int | None) -> int:
    """Work until told to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Lifeline(lifeline).ready()
    stop.wait()
    return 0
