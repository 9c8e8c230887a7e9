"""A command in a process group of its own, with bounds, that leaves nothing behind.

    this process ── tether ── command ── whatever it starts
                     group: killed as a whole

The tether removes the folder and kills the group when this process dies, however it dies; this
process kills the group when it wants the command to end, or when the tether has ended.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from fhirserver.jobs import tether

MEMORY_BYTES = 2 * 1024**3
FILE_BYTES = 32 * 1024**2
_PATIENCE_S = 5.0
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "SYSTEMROOT", "TZ", "VIRTUAL_ENV")
"""Variables that a program may need to start; every other may hold a secret."""


class Tethered:
    """A running command.

    Args:
        command: program and arguments.
        folder: where it runs, made for it alone; its messages are kept there.
        messages: name of the file for them.
    """

    def __init__(self, command: Sequence[str], folder: Path, messages: str) -> None:
        bounds = (str(MEMORY_BYTES), str(FILE_BYTES))
        with (folder / messages).open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [sys.executable, "-I", tether.__file__, *bounds, *command],
                cwd=folder,
                env=minimal_environment(os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )

    def wait(self, timeout_s: float) -> int | None:
        """Wait for its end and give its exit code; None if it still runs."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def end(self) -> None:
        """Ask it to clean up and end, and insist soon."""
        if self._process.poll() is None:
            self._signal(signal.SIGINT)
            self.wait(_PATIENCE_S)
        self._signal(signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of a dead group
            return


def minimal_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Give what of an environment holds no secret of ours."""
    return {name: environ[name] for name in _KEPT if name in environ}
