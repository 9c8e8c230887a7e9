"""Files that a killed PostgreSQL leaves behind.

The caller holds the data directory's lock, so no living server of ours owns the cluster: what
still runs there is what a killed owner left. PostgreSQL judges its pid file by asking whether
that process exists, and in a container another process soon has the same number; so the answer
comes from what processes have the cluster as their working directory, as PostgreSQL's all do.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

_PATIENCE_S = 10.0


def clear_stale_files(cluster: Path, sockets: Path) -> None:
    """Stop what a dead owner left running, then remove its pid, lock and socket files.

    Args:
        cluster: PostgreSQL's data directory.
        sockets: our private socket directory.
    """
    pid_file = cluster / "postmaster.pid"
    if not pid_file.exists() or not Path("/proc/self/cwd").exists():
        return
    for stop_signal in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        deadline = time.monotonic() + _PATIENCE_S
        if not _signal_all(cluster, stop_signal):
            break
        while _processes(cluster) and time.monotonic() < deadline:
            time.sleep(0.02)
    pid_file.unlink(missing_ok=True)
    for left_over in sockets.glob(".s.PGSQL.*"):
        left_over.unlink(missing_ok=True)


def _signal_all(cluster: Path, stop_signal: signal.Signals) -> bool:
    processes = _processes(cluster)
    for pid in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, stop_signal)
    return bool(processes)


def _processes(cluster: Path) -> list[int]:
    wanted = str(cluster.resolve())
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if str((entry / "cwd").readlink()) == wanted:
                found.append(int(entry.name))
        except OSError:
            continue  # gone meanwhile, or not ours to look at
    return found
