"""Latency of critical values: from the frame to the channel, under load, with the server away.

    python bench/alarms.py [--rate 200] [--seconds 20] [--connections 20] [--each 20]

Monitors send at a steady rate; every so many messages, one has a critical value of a patient of its
own. Measured is the time from before its frame is sent until its webhook has the post.
"""

import argparse
import asyncio
import http.server
import json
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fhirserver_device_bridge.framing.mllp import block
from fhirserver_device_bridge.simulator.monitor import messages

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
_CONFIG = """\
server: {{base: "http://127.0.0.1:9/fhir"}}
journal: {{folder: journal}}
alarms:
  limits: [{{name: fast, code: "147842", unit: /min, high: "190", reference: bench}}]
  channels: {{ward: {{webhook: "http://127.0.0.1:{port}/", secret_file: secret}}}}
  escalation: [{{channels: [ward]}}]
sources:
  icu: {{protocol: mllp, listen: "127.0.0.1:0", systems: {{Hospital: "urn:oid:1.2.3"}}}}
"""
_CRITICAL = "|200|264864"


class _Handler(http.server.BaseHTTPRequestHandler):
    arrived: dict[str, float] = {}  # noqa: RUF012 - one receiver in a run

    def do_POST(self) -> None:
        """Note when whose alarm came."""
        now = time.perf_counter()
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.arrived.setdefault(told["alarm"]["condition"]["patient"][0]["value"], now)
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


def main() -> int:
    """Run, and print one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rate", type=float, default=200.0, help="messages a second")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--connections", type=int, default=20)
    parser.add_argument("--each", type=int, default=20, help="messages for one critical value")
    args = parser.parse_args()
    receiver = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        sent, seconds = _measured(Path(folder), receiver.server_port, args)
    receiver.shutdown()
    late = sorted(_Handler.arrived[each] - at for each, at in sent.items())
    count = int(args.rate * args.seconds)
    print(
        f"alarms     {len(late)} of {len(sent)} told, p50 {late[len(late) // 2] * 1000:.0f} ms,"
        f" p99 {late[int(len(late) * 0.99)] * 1000:.0f} ms, at {count / seconds:.0f} messages/s on"
        f" {args.connections} connections, server away"
    )
    return 0


def _measured(folder: Path, port: int, args: argparse.Namespace) -> tuple[dict[str, float], float]:
    """Send everything to a bridge, and wait for all alarms; gives when each was sent."""
    (folder / "secret").write_text("of twenty-four bytes or more", "utf-8")
    (folder / "bridge.yaml").write_text(_CONFIG.format(port=port), "utf-8")
    command = [sys.executable, "-m", "fhirserver_device_bridge", "run", "--config"]
    with subprocess.Popen(
        [*command, str(folder / "bridge.yaml")], stdout=subprocess.PIPE, text=True
    ) as bridge:
        assert bridge.stdout is not None
        listening = bridge.stdout.readline().rpartition(":")[2]
        bridge.stdout.readline()
        began = time.perf_counter()
        sent = asyncio.run(_send_all(int(listening), args))
        seconds = time.perf_counter() - began
        deadline = time.monotonic() + 60
        while len(_Handler.arrived) < len(sent) and time.monotonic() < deadline:
            time.sleep(0.1)
        bridge.terminate()
    return sent, seconds


async def _send_all(port: int, args: argparse.Namespace) -> dict[str, float]:
    sent: dict[str, float] = {}
    count = int(args.rate * args.seconds / args.connections)
    pause_s = args.connections / args.rate
    await asyncio.gather(
        *(_send(port, seed, count, pause_s, args.each, sent) for seed in range(args.connections))
    )
    return sent


async def _send(
    port: int, seed: int, count: int, pause_s: float, each: int, sent: dict[str, float]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    for number in range(count):
        await asyncio.sleep(max(0.0, began + number * pause_s - time.perf_counter()))
        person, critical = f"P{seed}-{number}", (number + seed) % each == 0
        at = START + timedelta(seconds=number)
        (message,) = messages(seed + 1, 1, at, f"{person}^^^Hospital^MR")
        text = message.raw.decode("utf-8")
        if critical:
            rate = next(line for line in text.split("\r") if "MDC_ECG_HEART_RATE" in line)
            text = text.replace(rate, rate.replace(f"|{rate.split('|')[5]}|264864", _CRITICAL))
            sent[person] = time.perf_counter()
        writer.write(block(text.encode("utf-8")))
        await reader.readuntil(b"\x1c\r")
    writer.close()


if __name__ == "__main__":
    sys.exit(main())
