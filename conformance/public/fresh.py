"""A fresh server of ours, in a process of its own, for as long as the suites run."""

import os
import selectors
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from fhirserver_conformance.public.guard import STOP_TIMEOUT_S

START_TIMEOUT_S = 90.0
_GUARD = (sys.executable, "-m", "fhirserver_conformance.public.guard")


class ServerError(Exception):
    """The server did not start; the message quotes what it said last."""


@contextmanager
def fresh_server() -> Iterator[str]:
    """Start an empty server and give its FHIR base; it ends, and its data go, with the block.

    Raises:
        ServerError: it did not get ready.
    """
    with tempfile.TemporaryFile() as log:
        guard = subprocess.Popen(  # noqa: S603 - this interpreter and a module of ours
            _GUARD,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
        try:
            yield _base(guard, log)
        finally:
            _end(guard)


def _base(guard: subprocess.Popen[bytes], log: IO[bytes]) -> str:
    line = _first_line(guard)
    if not line.startswith("ready http"):
        log.seek(0)
        words = log.read().decode("utf-8", "replace").strip()[-2000:]
        raise ServerError(f"the server did not start: {words or line or 'it said nothing'}")
    return line.split()[1]


def _first_line(guard: subprocess.Popen[bytes]) -> str:
    assert guard.stdout is not None
    descriptor = guard.stdout.fileno()
    deadline = time.monotonic() + START_TIMEOUT_S
    received = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while b"\n" not in received and time.monotonic() < deadline:
            if selector.select(0.5):
                chunk = os.read(descriptor, 4096)
                if not chunk:
                    break
                received += chunk
    return received.partition(b"\n")[0].decode("utf-8", "replace")


def _end(guard: subprocess.Popen[bytes]) -> None:
    assert guard.stdin is not None
    assert guard.stdout is not None
    guard.stdin.close()
    try:
        guard.wait(STOP_TIMEOUT_S + 5)
    except subprocess.TimeoutExpired:
        guard.kill()
        guard.wait()
    finally:
        guard.stdout.close()
