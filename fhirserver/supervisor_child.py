"""Child processes of the supervisor, and the slots they are replaced in.

A child holds one end of a socket pair, the lifeline. It writes a byte when it is ready to work,
and another if it wants to be replaced; when it reads the end of the stream, the supervisor is dead
and it stops by itself.

    slot    empty -> starting -> running -> (crash) -> waiting -> starting ...
    reload  running + replacement starting -> replacement running, the old one told to stop

A slot whose process is exhausted reloads itself, but not before the former process has ended: so
senders that exhaust one process after the other get a fresh one twice a minute at most.
"""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from fhirserver.lifeline import EXHAUSTED, READY

_STABLE_S = 5.0
_PAUSE_MAX_S = 10.0


class Child:
    """One running process.

    Args:
        arguments: after `python -m`, e.g. ("fhirserver", "worker"); the number of the lifeline's
            descriptor is appended.
        environment: of the process, complete.
        descriptors: files to inherit.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Sequence[int] = (),
    ) -> None:
        self.lifeline, theirs = socket.socketpair()
        self.lifeline.setblocking(False)
        self.started = time.monotonic()
        self._said = b""
        self._listening = True
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-P", "-m", *arguments, "--lifeline", str(theirs.fileno())],
                env=dict(environment),
                pass_fds=(theirs.fileno(), *descriptors),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C in the terminal is the supervisor's to handle
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is alive; reaps it if not."""
        return self._process.poll() is None

    @property
    def ready(self) -> bool:
        """Whether it has said that it works."""
        return READY in self._listen()

    @property
    def exhausted(self) -> bool:
        """Whether it has asked to be replaced."""
        return EXHAUSTED in self._listen()

    @property
    def listening(self) -> bool:
        """Whether it may still say something."""
        return self._listening

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return time.monotonic() - self.started

    def signal(self, number: signal.Signals) -> None:
        """Send a signal if it still runs."""
        if self.running:
            self._process.send_signal(number)

    def close(self) -> None:
        """Let go of a process that has ended."""
        self._listening = False
        self.lifeline.close()

    def _listen(self) -> bytes:
        if self._listening:
            try:
                heard = self.lifeline.recv(16)
            except BlockingIOError:
                return self._said
            except ConnectionError:
                heard = b""
            self._said += heard
            self._listening = heard != b""
        return self._said


class Slot:
    """A place in which one process of a kind is kept running.

    Args:
        name: for messages, e.g. "web worker 1".
        start: starts a process for the slot.
        report: takes a line for the operator.
        stop_timeout_s: how long a process that was told to stop may take.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[], Child],
        report: Callable[[str], None],
        stop_timeout_s: float,
    ) -> None:
        self.name = name
        self.failures = 0
        self._start = start
        self._report = report
        self._stop_timeout_s = stop_timeout_s
        self._current: Child | None = None
        self._replacement: Child | None = None
        self._retiring: list[tuple[Child, float]] = []
        self._not_before = 0.0
        self._wanted = True

    def __iter__(self) -> Iterator[Child]:
        """Give every process of the slot."""
        for child in (self._current, self._replacement, *(child for child, _ in self._retiring)):
            if child is not None:
                yield child

    @property
    def ready(self) -> bool:
        """Whether the current process works."""
        return self._current is not None and self._current.running and self._current.ready

    @property
    def empty(self) -> bool:
        """Whether no process is left."""
        return next(iter(self), None) is None

    @property
    def reloading(self) -> bool:
        """Whether a replacement is on its way or an old process is still stopping."""
        return self._replacement is not None or bool(self._retiring)

    def tend(self) -> None:
        """Look after the slot: reap, restart, finish a reload, insist on a stop."""
        self._tend_retiring()
        self._tend_replacement()
        if self._current is not None and not self._current.running:
            self._lost(self._current)
        if self._current is not None and self._current.exhausted and not self.reloading:
            self._report(f"{self.name} (process {self._current.pid}) is exhausted; replacing it")
            self.reload()
        if self._wanted and self._current is None and time.monotonic() >= self._not_before:
            self._current = self._start()

    def reload(self) -> None:
        """Start a replacement; the old process goes when it is ready."""
        if self._replacement is None and self._current is not None:
            self._replacement = self._start()

    def stop(self) -> None:
        """Tell every process to finish what it does; a second call insists."""
        insist = not self._wanted
        self._wanted = False
        for child in (self._replacement, self._current):
            if child is not None:
                self._retire(child)
        self._replacement = self._current = None
        if insist:
            for child, _ in self._retiring:
                child.signal(signal.SIGKILL)

    def _retire(self, child: Child) -> None:
        child.signal(signal.SIGTERM)
        self._retiring.append((child, time.monotonic() + self._stop_timeout_s))

    def _tend_retiring(self) -> None:
        for child, deadline in list(self._retiring):
            if not child.running:
                child.close()
                self._retiring.remove((child, deadline))
            elif time.monotonic() > deadline:
                self._report(f"{self.name} (process {child.pid}) does not stop: killed")
                child.signal(signal.SIGKILL)

    def _tend_replacement(self) -> None:
        child = self._replacement
        if child is None:
            return
        if not child.running:
            self._report(f"the new {self.name} did not start; the old one goes on")
            child.close()
            self._replacement = None
        elif child.ready:
            if self._current is not None:
                self._retire(self._current)
            self._current, self._replacement = child, None

    def _lost(self, child: Child) -> None:
        stable = child.ready and child.age_s > _STABLE_S
        child.close()
        self._current = None
        self.failures = 0 if stable else self.failures + 1
        pause_s = min(2.0 ** (self.failures - 3), _PAUSE_MAX_S) if self.failures > 1 else 0.0
        self._not_before = time.monotonic() + pause_s
        self._report(f"{self.name} (process {child.pid}) ended; starting another")
