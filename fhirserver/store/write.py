"""Writing: what callers need, in one place.

An interaction turns a request into `Change`s (validated content and its index rows) and hands
them to `write`, or to `run_write` when its transaction also locks, searches or reads.
"""

from fhirserver.store.references import Integrity
from fhirserver.store.write_plan import Change, Written
from fhirserver.store.write_session import StaleMatchError, WriteSession, run_write, write

__all__ = [
    "Change",
    "Integrity",
    "StaleMatchError",
    "WriteSession",
    "Written",
    "run_write",
    "write",
]
