"""The package fhirpathpy, in a process of its own: it sets no limits to what expressions ask for.

The process is started at its first use and serves one evaluation at a time. An alarm ends it where
one takes too long, whatever it is doing, and so no process is left behind by a tool that is killed;
the next evaluation starts another.
"""

import multiprocessing
import resource
import signal
from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from multiprocessing.connection import Connection
from threading import Lock
from typing import Any

from fhirserver_conformance.paths.values import PathError, Value, plain, shown

TIME_LIMIT_S = 10
MEMORY_LIMIT_BYTES = 2 * 1024**3


class _Process:
    """One process; any number of threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._connection: Connection | None = None

    def ask(self, expression: str, body: dict[str, Any]) -> tuple[bool, Any]:
        """Give whether it succeeded, and the values or the reason.

        Raises:
            EOFError: the evaluation took too long.
        """
        with self._lock:
            if self._connection is None:
                self._connection = _start()
            try:
                self._connection.send((expression, body, TIME_LIMIT_S))
                answer: tuple[bool, Any] = self._connection.recv()
            except (EOFError, OSError):
                self._connection.close()
                self._connection = None
                raise EOFError from None
            return answer


_PROCESS = _Process()


def evaluate_fhirpathpy(expression: str, body: dict[str, Any]) -> list[Value]:
    """Evaluate an expression on a resource.

    Raises:
        PathError: it does not parse, does not fit, or takes too long; the package is not there.
    """
    if find_spec("fhirpathpy") is None:
        raise PathError(
            "the FHIRPath engine fhirpathpy is not installed; install fhirserver[fhirpathpy]"
        )
    try:
        succeeded, found = _PROCESS.ask(expression, body)
    except EOFError:
        raise PathError(
            f"FHIRPath {shown(expression)}: fhirpathpy takes more than {TIME_LIMIT_S} s here"
        ) from None
    if not succeeded:
        raise PathError(found)
    values: list[Value] = found
    return values


def _start() -> Connection:
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    context.Process(target=_serve, args=(theirs,), daemon=True).start()
    theirs.close()
    return ours


def _serve(connection: Connection) -> None:
    """Answer until the other side is gone. Ctrl-C is for the tool to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT_BYTES, MEMORY_LIMIT_BYTES))
    while True:
        try:
            expression, body, limit_s = connection.recv()
        except EOFError:
            return
        signal.alarm(limit_s)
        connection.send(_answer(expression, body))
        signal.alarm(0)


def _answer(expression: str, body: dict[str, Any]) -> tuple[bool, Any]:
    try:
        found = _compiled(expression)(body, {})
    except Exception as error:  # noqa: BLE001 — the package raises Exception itself, among others
        return False, f"FHIRPath {shown(expression)}: {error}"
    # It gives None for what null stands for in an array of JSON.
    return True, [plain(item) for item in found if item is not None]


@lru_cache(maxsize=1024)
def _compiled(expression: str) -> Callable[[Any, Any], list[Any]]:
    from fhirpathpy import compile
    from fhirpathpy.models import models

    compiled: Callable[[Any, Any], list[Any]] = compile(expression, models["r4"])
    return compiled
