"""A real `fhirserver serve` process for tests."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.client import Client

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 40.0


class ServerProcess:
    """One server, from its start to its end.

    Args:
        log: file for its standard error.
        arguments: after `serve --port 0`, e.g. ("--data-dir", "x").
        environment: added to this process's.
        open: whether it serves without authentication.
    """

    def __init__(
        self,
        log: Path,
        arguments: tuple[str, ...],
        environment: Mapping[str, str] | None = None,
        *,
        open: bool = True,
    ) -> None:
        self.log = log
        self.base = ""
        command = [sys.executable, "-m", "fhirserver", "serve", "--port", "0"]
        if open:
            command.append("--open")
        with log.open("ab") as errors:
            self.process = subprocess.Popen(
                [*command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            self.wait_until_ready()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def wait_until_ready(self) -> None:
        """Wait for the first line, which names the base."""
        line = self._first_line(time.monotonic() + START_TIMEOUT_S)
        assert line.startswith("ready http"), f"{line!r}\n{self.log.read_text('utf-8')}"
        self.base = line.split()[1]

    def client(self, timeout_s: float = 30.0) -> Client:
        """Open a connection of its own."""
        return Client(self.base, timeout_s)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        self.process.send_signal(number)

    def stop(self) -> int:
        """Stop it and give its exit code; a server that does not stop is killed and fails."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_TIMEOUT_S)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the supervisor at once."""
        self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def _first_line(self, deadline: float) -> str:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        received = b""
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, selectors.EVENT_READ)
            while b"\n" not in received and time.monotonic() < deadline:
                if selector.select(0.5):
                    chunk = os.read(descriptor, 4096)
                    if not chunk:
                        break
                    received += chunk
        return received.split(b"\n")[0].decode("utf-8")
