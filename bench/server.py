"""A fhirserver of the bench's own: its commands, and a server on a data directory."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def command(*words: str) -> str:
    """Run a command of fhirserver to its end and give what it prints; its failure is ours."""
    called = [sys.executable, "-m", "fhirserver.cli", *words]
    return subprocess.run(called, check=True, stdout=subprocess.PIPE, text=True).stdout


@contextmanager
def server(data_dir: Path, workers: int, *options: str) -> Iterator[tuple[int, int]]:
    """Keep a server on a data directory, and give its port and process id.

    Args:
        data_dir: of the server.
        workers: web workers.
        options: of `serve`; without any the server is open.
    """
    process = subprocess.Popen(
        [
            sys.executable, "-m", "fhirserver.cli", "serve", *(options or ("--open",)),
            "--port", "0", "--data-dir", str(data_dir), "--workers", str(workers),
        ],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if match := re.match(r"ready http://127\.0\.0\.1:(\d+)/", line):
                yield int(match[1]), process.pid
                return
        raise RuntimeError("the server did not start")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
