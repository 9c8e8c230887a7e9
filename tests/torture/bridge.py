"""Kill a bridge, its server and its database at random under load, then compare the chart.

    python -m tests.torture.bridge --minutes 5 [--seed N] [--monitors 4] [--pause 0.2]

Victims: the bridge, its process that sends, a web worker, the supervisor, the jobs worker, the
PostgreSQL postmaster, one of its backends. Afterwards every reading that was acknowledged must be
charted, once, corrections in their order, and the journal must be whole. Then two bridges replay
copies of the journal at the same time, and no version may be added. Exit code 0 only then.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.client import Answer, Client
from tests.device_bridge.bridge_process import COMMAND, BridgeProcess, command, configured
from tests.torture.torture import Server, kill_one
from tests.torture.ward import Monitor, admit, check, devices
from tests.waiting import wait_for

_PATIENCE_S = 900.0
_WRITTEN = ("Device", "DeviceMetric", "Observation", "Provenance")


def main() -> int:
    """Torture a bridge; 0 if it bore it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--monitors", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.2, help="of a monitor, in seconds")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        torture = Torture(Path(folder), args.monitors, args.pause)
        return torture.run(chance, lambda _killed, seconds: seconds >= args.minutes * 60)


class Insistent(Client):
    """A client that asks again when the server, just up after a kill, asks it to (503)."""

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request until the answer is another than 503."""

        def answered() -> Answer | None:
            answer = super(Insistent, self).request(method, path, body, headers)
            return None if answer.status == 503 else answer

        answer = wait_for(answered)
        assert answer is not None
        return answer


class Torture:
    """One bridge, one server, some monitors.

    Args:
        folder: empty.
        monitors: how many.
        pause_s: of each between two messages.
    """

    def __init__(self, folder: Path, monitors: int, pause_s: float) -> None:
        self._folder = folder
        self._server = Server(folder / "data", folder / "log", _free_port())
        port = _free_port()
        base = f"http://127.0.0.1:{self._server.port.number}/fhir"
        self._config = configured(folder / "bridge", base, port=port)
        self._client = Insistent(base)
        self._stop = threading.Event()
        self._monitors = [
            Monitor(number, ("127.0.0.1", port), pause_s, self._stop)
            for number in range(1, monitors + 1)
        ]
        self._bridge = self._started()

    def run(self, chance: random.Random, enough: Callable[[int, float], bool]) -> int:
        """Kill until it is enough, as the number of kills and the seconds say; then look.

        Returns:
            0 if nothing was lost, doubled or out of order.
        """
        for monitor in self._monitors:
            admit(self._client, monitor.number)
            monitor.start()
        killed: Counter[str] = Counter()
        began = time.monotonic()
        while not enough(killed.total(), time.monotonic() - began):
            time.sleep(chance.uniform(0.1, 2.0))
            killed[self._kill(chance)] += 1
        self._stop.set()
        for monitor in self._monitors:
            monitor.join()
        return self._verdict(killed)

    def _started(self) -> BridgeProcess:
        return BridgeProcess(self._config).__enter__()

    def _kill(self, chance: random.Random) -> str:
        drawn = chance.random()
        if drawn < 0.25:
            self._bridge.kill()
            self._bridge = self._started()
            return "bridge"
        if drawn < 0.4:
            os.kill(self._bridge.behind, signal.SIGKILL)
            self._bridge.process.wait()
            self._bridge.kill()
            self._bridge = self._started()
            return "bridge's sender"
        return kill_one(self._server, self._folder / "data", chance)

    def _verdict(self, killed: "Counter[str]") -> int:
        sent = sum(monitor.told for monitor in self._monitors)
        states = self._settled()
        self._bridge.stop()
        self._bridge.kill()
        wrong = [] if states == {"done": sent} else [f"journal: {states} of {sent} messages"]
        wrong += [line for monitor in self._monitors for line in check(monitor, self._client)]
        if devices(self._client) != len(self._monitors):
            wrong.append(f"{devices(self._client)} devices of {len(self._monitors)} monitors")
        wrong += self._replayed()
        verified = command("journal", "verify", "--config", self._config)
        if verified.returncode != 0:
            wrong.append(verified.stdout.decode("utf-8"))
        self._client.connection.close()
        if self._server.stop() != 0:
            wrong.append("the server ended with a fault")
        print(f"{killed.total()} kills {dict(killed)}, {sent} messages acknowledged")
        print("\n".join(wrong) or "every reading charted once, corrections in order, replay adds 0")
        return 1 if wrong else 0

    def _settled(self) -> dict[str, int]:
        """Wait until nothing waits any more, and give the states of the journal."""
        wait_for(lambda: not {"received", "held"} & set(self._bridge.states()), _PATIENCE_S)
        return dict(self._bridge.states())

    def _replayed(self) -> list[str]:
        """Let two bridges replay the whole journal at once; gives a fault if that writes."""
        copy = self._folder / "copy"
        shutil.copytree(self._config.parent, copy)
        configs = (self._config, copy / self._config.name)
        before = self._versions()
        for config in configs:
            command("journal", "replay", "--config", config)
        running = [subprocess.Popen([*COMMAND, "run", "--drain", "--config", c]) for c in configs]
        codes = [each.wait(_PATIENCE_S) for each in running]
        added = len(self._versions() - before)
        return [f"replay: {added} versions added, ended {codes}"] if added or any(codes) else []

    def _versions(self) -> set[str]:
        return {
            f"{kind}/{found['id']}/{found['meta']['versionId']}"
            for kind in _WRITTEN
            for found in self._client.search(f"{kind}?_count=1000")
        }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
