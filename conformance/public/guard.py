"""Runs one server in a folder of its own until its standard input ends, and leaves nothing.

The command that starts it holds the other end of that pipe, so the server ends with the command,
however that ends: orderly, by Ctrl-C or by SIGKILL.

Settings are the defaults but for one: the suites store resources that refer to what they do not
store, as most servers let them.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

STOP_TIMEOUT_S = 40.0
_SERVE = (sys.executable, "-m", "fhirserver", "serve", "--open", "--port", "0", "--data-dir")


def main() -> int:
    """Serve from a new folder; standard output is the server's. Give its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    folder = tempfile.mkdtemp(prefix="fhir-conformance-")
    try:
        server = subprocess.Popen(  # noqa: S603 - this interpreter and our server
            [*_SERVE, str(Path(folder, "data"))],
            stdin=subprocess.DEVNULL,
            env=environment(),
            start_new_session=True,
        )
        threading.Thread(target=_stop_at_end_of_input, args=(server,), daemon=True).start()
        return server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def environment() -> dict[str, str]:
    """Give this process's environment without its settings: they could name a database in use."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("FHIRSERVER_")
    }
    return {**inherited, "FHIRSERVER_REFERENTIAL_INTEGRITY": "off"}


def _stop_at_end_of_input(server: subprocess.Popen[bytes]) -> None:
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.terminate()
    try:
        server.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()


if __name__ == "__main__":
    sys.exit(main())
