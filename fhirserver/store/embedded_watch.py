"""Stop PostgreSQL when the process that started it is gone. Run as a program of its own.

Usage: embedded_watch.py PARENT_PID POSTMASTER_PID, standard input a pipe from the parent. The
parent writes a byte to dismiss the watcher; the pipe's end, or another parent, means it died.
The inherited lock stays held until PostgreSQL has stopped, so a successor waits for it.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

POLL_S = 0.5
FAST_STOP_S = 20.0
QUICK_STOP_S = 5.0


def is_running(pid: int) -> bool:
    """Say whether a process exists."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def wait_for_parent(parent: int, postmaster: int) -> bool:
    """Wait until the parent is done.

    Returns:
        True if PostgreSQL must be stopped; False if dismissed or stopped already.
    """
    while is_running(postmaster):
        readable, _, _ = select.select([0], [], [], POLL_S)
        if readable:
            return os.read(0, 1) == b""
        if os.getppid() != parent:
            return True
    return False


def stop(postmaster: int) -> None:
    """Shut PostgreSQL down: sessions are cut and it checkpoints; insist if that takes long."""
    for stop_signal, patience_s in (
        (signal.SIGINT, FAST_STOP_S),
        (signal.SIGQUIT, QUICK_STOP_S),
        (signal.SIGKILL, QUICK_STOP_S),
    ):
        try:
            os.kill(postmaster, stop_signal)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not is_running(postmaster):
                return
            time.sleep(0.02)


def main() -> None:
    """Watch until there is nothing left to watch."""
    parent, postmaster = int(sys.argv[1]), int(sys.argv[2])
    if wait_for_parent(parent, postmaster):
        stop(postmaster)


if __name__ == "__main__":
    main()
