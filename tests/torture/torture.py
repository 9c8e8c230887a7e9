"""Kill processes of a server at random moments under concurrent writes, then look for damage.

    python -m tests.torture.torture --kills 200 [--seed N] [--writers 8]

Victims: a web worker, the supervisor (the server is then started again), the jobs worker, the
PostgreSQL postmaster, one of its backends. Afterwards `fhirserver verify` must agree and every
acknowledged write must be there. Exit code 0 only then.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from tests.torture.writers import Client, Port, Writer, check


class Server:
    """`fhirserver serve` as a process that may be killed and started again.

    Args:
        listen: port to listen on; 0 chooses another at each start.
    """

    def __init__(self, data_dir: Path, log: Path, listen: int = 0) -> None:
        self._data_dir = data_dir
        self._log = log
        self._listen = listen
        self.port = Port(listen)
        self.process = self.start()

    def start(self) -> "subprocess.Popen[str]":
        """Start it and wait until it says that it is ready."""
        with self._log.open("a") as log:
            process = subprocess.Popen(
                [
                    sys.executable, "-m", "fhirserver.cli", "serve", "--open",
                    "--port", str(self._listen), "--data-dir", str(self._data_dir),
                    "--workers", "2",
                ],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            if match := re.match(r"ready http://127\.0\.0\.1:(\d+)/", line):
                self.port.number = int(match[1])
                self.process = process
                threading.Thread(target=process.stdout.read, daemon=True).start()
                return process
        raise RuntimeError(f"the server did not start; see {self._log}")

    def stop(self) -> int:
        """Stop it as an operator would."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def main() -> int:
    """Torture a server; 0 if it bore it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--writers", type=int, default=8)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        return torture(Path(folder), args.kills, args.writers, random.Random(args.seed))


def torture(folder: Path, kills: int, writers: int, chance: random.Random) -> int:
    """Run one server through `kills` kills and check it.

    Returns:
        0 if nothing was lost, half done or inconsistent.
    """
    data_dir = folder / "data"
    server = Server(data_dir, folder / "log")
    stop = threading.Event()
    threads = [Writer(server.port, chance.randrange(2**32), stop) for _ in range(writers)]
    for thread in threads:
        thread.start()
    killed: Counter[str] = Counter()
    watcher = Client(server.port)
    for number in range(kills):
        time.sleep(chance.uniform(0.05, 1.0))
        killed[kill_one(server, data_dir, chance)] += 1
        watcher.insist("Patient?_count=1")
        if number % 10 == 9:
            done = sum(thread.acknowledged for thread in threads)
            print(f"{number + 1} kills, {done} acknowledged writes", flush=True)
    stop.set()
    for thread in threads:
        thread.join(60)
    wrong = [line for thread in threads for line in check(thread, watcher)]
    wrong += [line for line in (folder / "log").read_text("utf-8").splitlines() if _is_fault(line)]
    exit_code = server.stop()
    if exit_code != 0:
        wrong.append(f"the server ended with {exit_code}")
    verified = subprocess.run(
        [sys.executable, "-m", "fhirserver.cli", "verify", "--data-dir", str(data_dir)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if verified.returncode != 0:
        wrong.append(f"verify: {verified.stdout}{verified.stderr}")
    done = sum(thread.acknowledged for thread in threads)
    print(f"{sum(killed.values())} kills {dict(killed)}, {done} acknowledged writes")
    print("\n".join(wrong) or "nothing lost, nothing half done, verify agrees")
    return 1 if wrong else 0


def _is_fault(line: str) -> bool:
    """Whether a line of the server's log tells of a defect."""
    return '"event":"log"' in line and '"level":"error"' in line


def kill_one(server: Server, data_dir: Path, chance: random.Random) -> str:
    """Kill a process of a server, and give its name; the supervisor is started again."""
    victim = chance.choice(("worker", "worker", "backend", "postmaster", "supervisor", "jobs"))
    if victim == "supervisor":
        server.process.kill()
        server.process.wait()
        server.start()
        return victim
    postmaster = _postmaster(data_dir)
    if victim == "postmaster":
        pids = [postmaster] if postmaster else []
    elif victim == "backend":
        pids = _children(postmaster) if postmaster else []
    else:
        wanted = "worker" if victim == "jobs" else "serve"
        pids = [pid for pid in _descendants(server.process.pid) if _runs(pid, wanted)]
    if not pids:
        return f"no {victim}"
    try:
        os.kill(chance.choice(pids), signal.SIGKILL)
    except ProcessLookupError:
        return f"no {victim}"
    return victim


def _postmaster(data_dir: Path) -> int | None:
    """The postmaster is the PostgreSQL process on the data directory that has PostgreSQL children.

    Its own pid file may hold the number of another pid namespace, so /proc decides.
    """
    for pid in _processes():
        command = _command(pid)
        if command and Path(command[0]).name == "postgres" and str(data_dir) in " ".join(command):
            return pid
    return None


def _descendants(pid: int) -> list[int]:
    found = _children(pid)
    for child in list(found):
        found.extend(_descendants(child))
    return found


def _children(pid: int) -> list[int]:
    try:
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except OSError:
        return []


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0").split("\0")
    except OSError:
        return []


def _runs(pid: int, wanted: str) -> bool:
    """Whether a process is one of ours; `wanted` is a word of its command line."""
    command = _command(pid)
    if not command or "python" not in Path(command[0]).name:
        return False
    return (wanted == "worker") == ("worker" in command)


if __name__ == "__main__":
    sys.exit(main())
