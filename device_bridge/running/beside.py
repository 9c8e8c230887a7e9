"""The back of a bridge in a process of its own: what it reckons delays no acknowledgement.

The process is a copy of the one that asks for it, made before that has threads. Two sockets join
them:

    bells       "g" begin, "r" the journal was changed, "q" end in order; back: "r"
    questions   "m" gives what was counted, as a line of JSON

Either ends at once when the other is gone: whoever starts the bridge again loses nothing, as after
any kill. Two that work on one journal would tell alarms twice, so each waits for the one before it
to be gone.
"""

import contextlib
import fcntl
import json
import logging
import os
import select
import signal
import socket
import threading
from typing import IO

from fhirserver_device_bridge.config.settings import Bridge
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.metrics import NOTHING_COUNTED, Counted, Metrics
from fhirserver_device_bridge.running.back import Back

_LOG = logging.getLogger("fhir-bridge")
_DEFECT = 70
_ANSWER_S = 5.0
_LOOK_AGAIN_S = 0.1


class Beside:
    """The other process, as seen from the ports.

    Raises:
        OSError: there are no processes or files left.
    """

    def __init__(self, bridge: Bridge) -> None:
        self._bells, bells = socket.socketpair()
        self._questions, questions = socket.socketpair()
        self._asking = threading.Lock()
        self._stopped = False
        self.process = os.fork()
        if self.process == 0:
            self._bells.close()
            self._questions.close()
            _work(bridge, bells, questions)
        bells.close()
        questions.close()
        self._bells.setblocking(False)
        self._questions.settimeout(_ANSWER_S)

    @property
    def bells(self) -> socket.socket:
        """Has something to read when the journal was changed there; its end when it is gone."""
        return self._bells

    def begin(self) -> None:
        """Let it work: the journal is there, and nobody else's."""
        self._send(b"g")

    def ring(self) -> None:
        """Tell that the journal was changed; from any thread."""
        self._send(b"r")

    def counted(self) -> Counted:
        """Ask what was counted there; nothing where it does not answer."""
        with self._asking, contextlib.suppress(OSError, ValueError):
            self._questions.sendall(b"m")
            with self._questions.makefile("rb") as answers:
                metrics, devices = json.loads(answers.readline())
                return metrics, devices
        return NOTHING_COUNTED

    def stop(self) -> None:
        """Let it end after what is under way, and wait for that."""
        if self._stopped:
            return
        self._stopped = True
        self._send(b"q")
        os.waitpid(self.process, 0)
        self._bells.close()
        self._questions.close()

    def _send(self, word: bytes) -> None:
        # A socket that is full has bells enough; one whose reader is gone is noticed by its end.
        with contextlib.suppress(OSError):
            self._bells.send(word)


def _work(bridge: Bridge, bells: socket.socket, questions: socket.socket) -> None:
    """Be the other process; never returns."""
    code = _DEFECT
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        code = _worked(bridge, bells, questions) if _has_begun(bells) else 0
    except Exception as defect:  # noqa: BLE001 - the process ends here, whatever it was
        _LOG.critical("what sends and watches ended by a defect: %s", type(defect).__name__)
    finally:
        os._exit(code)


def _worked(bridge: Bridge, bells: socket.socket, questions: socket.socket) -> int:
    with (bridge.journal.folder / "back.lock").open("ab") as file:
        if not _is_owned(file, bells):
            return 0
        metrics, backs = Metrics(), list[Back]()

        def changed() -> None:
            for each in backs:
                each.ring()
            with contextlib.suppress(OSError):
                bells.send(b"r", socket.MSG_DONTWAIT)

        journal = Journal(bridge.journal.folder, changed)
        back = Back(bridge, journal, metrics)
        backs.append(back)
        back.start()
        threading.Thread(target=_answer, args=(questions, metrics), daemon=True).start()
        while (words := _rung(bells)) and b"q" not in words:
            back.ring()
        if not words:
            return _DEFECT
        back.stop()
        journal.close()
    return 0


def _has_begun(bells: socket.socket) -> bool:
    """Wait for the word to begin; there may be one to end first, where the journal is another's."""
    while words := _rung(bells):
        if b"q" in words:
            return False
        if b"g" in words:
            return True
    return False


def _is_owned(file: IO[bytes], bells: socket.socket) -> bool:
    """Wait for the lock of whoever was here before; False where the ports end meanwhile."""
    while True:
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        if select.select([bells], [], [], _LOOK_AGAIN_S)[0]:
            words = _rung(bells)
            if not words or b"q" in words:
                return False


def _rung(bells: socket.socket) -> bytes:
    """Wait for words; none where the ports are gone."""
    try:
        return bells.recv(4096)
    except OSError:
        return b""


def _answer(questions: socket.socket, metrics: Metrics) -> None:
    with contextlib.suppress(OSError):
        while questions.recv(1):
            questions.sendall(json.dumps(metrics.counted()).encode("ascii") + b"\n")
