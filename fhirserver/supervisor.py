"""`fhirserver serve`: PostgreSQL, web workers and background jobs, kept running together.

    supervisor ── PostgreSQL (embedded; started again if it dies)
               ├─ web worker 1..N    `python -m fhirserver.web`
               └─ jobs               `fhirserver worker`

Signals:
    SIGTERM, SIGINT   stop: no new connections, requests under way finish, then PostgreSQL stops;
                      a second one does not wait for requests
    SIGHUP            replace the workers, one after the other, without a gap; in a terminal,
                      which sends it when it closes, stop

Nothing outlives the supervisor, however it dies: workers watch their lifelines, and PostgreSQL
has a watcher.
"""

import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from fhirserver.config import Settings
from fhirserver.metrics import SharedMetrics
from fhirserver.running import Running, RunningNote
from fhirserver.supervisor_child import Child, Slot
from fhirserver.supervisor_database import Database
from fhirserver.supervisor_listen import open_listeners

_TICK_S = 0.25
_STOP_TIMEOUT_S = 30.0
_START_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What to run.

    Attributes:
        host: bind address.
        port: 0 chooses a free one.
        workers: number of web workers, at least 1.
        jobs: whether background jobs run here too.
        public_url: given by the operator; None derives it from host and port.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 2
    jobs: bool = True
    public_url: str | None = None


class StartError(RuntimeError):
    """A process that the server needs does not start."""


class Supervisor:
    """Keeps the parts of a server running until it is told to stop.

    Args:
        settings: `data_dir` absolute.
        options: what to run.
        announce: called once with the FHIR base when everything works.
    """

    def __init__(
        self, settings: Settings, options: ServeOptions, announce: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._options = options
        self._announce = announce
        self._slots: list[Slot] = []
        self._listeners: list[socket.socket] = []
        self._stopping = 0
        self._reload = False
        self._to_reload: list[Slot] = []
        self._announced = False
        self._environment: dict[str, str] = {}

    def run(self) -> int:
        """Run until stopped.

        Returns:
            The exit code: 0 after a stop.

        Raises:
            EmbeddedPostgresError, SchemaRevisionError, StartError, OSError: it could not start;
                everything that had started is stopped again.
        """
        with ExitStack() as stack:
            wake = stack.enter_context(_Signals(self._on_signal))
            self._listeners = open_listeners(
                self._options.host, self._options.port, self._options.workers
            )
            stack.callback(self._close_listeners)
            database = stack.enter_context(Database(self._settings, _report))
            base = self._base()
            stack.enter_context(
                RunningNote(Path(self._settings.data_dir), Running(database.url, base))
            )
            metrics = stack.enter_context(SharedMetrics.create(2 * self._options.workers))
            self._environment = self._child_environment(database.url, base)
            self._slots = self._make_slots(metrics)
            try:
                self._supervise(database, wake, base)
            finally:
                self._stop_all(wake)
        return 0

    def _supervise(self, database: Database, wake: socket.socket, base: str) -> None:
        while not self._stopping:
            database.tend()
            for slot in self._slots:
                slot.tend()
            self._reload_next()
            if not self._announced:
                self._check_start(base)
            self._wait(wake)

    def _check_start(self, base: str) -> None:
        if all(slot.ready for slot in self._slots):
            self._announced = True
            self._announce(base)
            return
        for slot in self._slots:
            if slot.failures >= _START_ATTEMPTS:
                raise StartError(f"{slot.name} does not start; its messages are above")

    def _reload_next(self) -> None:
        if self._reload and self._announced:
            self._reload = False
            _report("replacing the workers")
            self._to_reload = list(self._slots)
        if self._to_reload and not any(slot.reloading for slot in self._slots):
            self._to_reload.pop(0).reload()

    def _stop_all(self, wake: socket.socket) -> None:
        self._close_listeners()
        told = 0
        while True:
            if told <= self._stopping:
                told = self._stopping + 1
                for slot in self._slots:
                    slot.stop()
            for slot in self._slots:
                slot.tend()
            if all(slot.empty for slot in self._slots):
                return
            self._wait(wake)

    def _wait(self, wake: socket.socket) -> None:
        lifelines = [child.lifeline for slot in self._slots for child in slot if child.listening]
        select.select([wake, *lifelines], [], [], _TICK_S)
        _drain(wake)

    def _on_signal(self, number: int) -> None:
        if number == signal.SIGHUP and not os.isatty(0):
            self._reload = True
        elif number != signal.SIGCHLD:
            self._stopping += 1

    def _make_slots(self, metrics: SharedMetrics) -> list[Slot]:
        slots = [
            Slot(
                f"web worker {index + 1}",
                _WebStarter(self._environment, listener, metrics, index),
                _report,
                _STOP_TIMEOUT_S,
            )
            for index, listener in enumerate(self._listeners)
        ]
        if self._options.jobs:
            start = lambda: Child(("fhirserver", "worker"), self._environment)  # noqa: E731
            slots.append(Slot("jobs", start, _report, _STOP_TIMEOUT_S))
        return slots

    def _base(self) -> str:
        if self._options.public_url is not None:
            return self._options.public_url.rstrip("/")
        host, port = self._listeners[0].getsockname()[:2]
        scheme = "https" if self._settings.tls_certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/fhir"

    def _child_environment(self, url: str, base: str) -> dict[str, str]:
        return {
            **os.environ,
            "FHIRSERVER_DATABASE_URL": url,
            "FHIRSERVER_DATA_DIR": self._settings.data_dir,
            "FHIRSERVER_PUBLIC_URL": base,
            "FHIRSERVER_OPEN": "true" if self._settings.open else "false",
            "FHIRSERVER_TLS_CERTIFICATE": self._settings.tls_certificate,
            "FHIRSERVER_TLS_KEY": self._settings.tls_key,
        }

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()


class _WebStarter:
    """Starts the web workers of one slot; successive ones alternate between two metric regions."""

    def __init__(
        self,
        environment: dict[str, str],
        listener: socket.socket,
        metrics: SharedMetrics,
        index: int,
    ) -> None:
        self._environment = environment
        self._listener = listener
        self._metrics = metrics
        self._index = index
        self._generation = 0

    def __call__(self) -> Child:
        region = 2 * self._index + self._generation % 2
        self._generation += 1
        listener, metrics = self._listener.fileno(), self._metrics.fileno()
        return Child(
            (
                "fhirserver.web",
                *("--listener", str(listener), "--metrics", str(metrics)),
                *("--region", str(region)),
            ),
            self._environment,
            descriptors=(listener, metrics),
        )


class _Signals:
    """Catches the supervisor's signals; entering gives a socket that becomes readable."""

    _NUMBERS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)

    def __init__(self, handle: Callable[[int], None]) -> None:
        self._handle = handle
        self._read, self._write = socket.socketpair()

    def __enter__(self) -> socket.socket:
        self._read.setblocking(False)
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in self._NUMBERS:
            signal.signal(number, self._on_signal)
        return self._read

    def __exit__(self, *_exception: object) -> None:
        signal.set_wakeup_fd(-1)
        for number in self._NUMBERS:
            signal.signal(number, signal.SIG_DFL)
        self._read.close()
        self._write.close()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._handle(number)


def _drain(wake: socket.socket) -> None:
    try:
        while wake.recv(256):
            pass
    except BlockingIOError:
        return


def _report(line: str) -> None:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    sys.stderr.write(f"{stamp} fhirserver: {line}\n")
    sys.stderr.flush()
