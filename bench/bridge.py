"""Speed of the device bridge: mapping, receiving, and draining a backlog, each beside its floor.

    python bench/bridge.py [--messages 2000] [--monitors 20] [--connections 50] [--workers 2]

    mapping     messages become Bundles, in process    floor: their lines and fields are split
    receiving   frames are journaled, acknowledged     floor: frames are acknowledged, not kept
    draining    a backlog goes to a real server        floor: its Observations as plain creates, 100
                                                       in a transaction, on one connection

Messages are those of the simulator: 14 OBX, of which 6 Observations are made. Nothing is left out:
the journal waits for the disk, the server validates, indexes and audits.
"""

import argparse
import asyncio
import contextlib
import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from client import Tally
from cpu import spent_below
from server import server

from fhirserver_device_bridge.config.read import read_config
from fhirserver_device_bridge.config.settings import Bridge
from fhirserver_device_bridge.convert import convert
from fhirserver_device_bridge.fhir.json_text import encode
from fhirserver_device_bridge.framing.mllp import MllpDeframer, block
from fhirserver_device_bridge.journal.changes import Arrival, append
from fhirserver_device_bridge.journal.journal import Journal
from fhirserver_device_bridge.running.bridge import RunningBridge
from fhirserver_device_bridge.simulator.monitor import messages
from fhirserver_device_bridge.source import Source

START = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOSPITAL = "urn:oid:1.2.3"
SOURCE = Source("icu", systems=(("Hospital", HOSPITAL),))
_CONFIG = """\
server: {{base: "http://127.0.0.1:{port}/fhir"}}
journal: {{folder: {folder}}}
sources:
  icu: {{protocol: mllp, listen: "127.0.0.1:0", systems: {{Hospital: "{hospital}"}}}}
"""
_ACKNOWLEDGED = block(b"MSH|^~\\&|||||||ACK|1|P|2.6\rMSA|CA|1\r")


def main() -> int:
    """Run every case and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--monitors", type=int, default=20)
    parser.add_argument("--connections", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cases", default="mapping,receiving,draining")
    args = parser.parse_args()
    sent = _sent(args.messages, args.monitors)
    cases = {"mapping": _mapping, "receiving": _receiving, "draining": _draining}
    for name in args.cases.split(","):
        cases[name](sent, args)
    return 0


def _sent(count: int, monitors: int) -> list[bytes]:
    """Make the messages of a ward: each monitor has a patient, and speaks once a second."""
    each = [
        list(messages(seed, -(-count // monitors), START, f"P{seed}^^^Hospital^MR"))
        for seed in range(1, monitors + 1)
    ]
    return [message.raw for second in zip(*each, strict=True) for message in second][:count]


def _mapping(sent: list[bytes], _args: argparse.Namespace) -> None:
    converted = [convert(raw, SOURCE, START, number) for number, raw in enumerate(sent)]
    made = sum(
        entry["resource"]["resourceType"] == "Observation"
        for each in converted
        if each.bundle is not None
        for entry in each.bundle["entry"]
    )
    seconds = _cpu(lambda: [convert(raw, SOURCE, START, number) for number, raw in enumerate(sent)])
    floor = _cpu(lambda: [[line.split("|") for line in raw.split("\r")] for raw in texts(sent)])
    rate = len(sent) / seconds
    print(
        f"mapping    {rate:8.0f} messages/s of one core, {made / seconds:8.0f} Observations/s,"
        f" {floor / seconds:.3f} of splitting",
        flush=True,
    )


def texts(sent: list[bytes]) -> list[str]:
    """Decode messages."""
    return [raw.decode("utf-8") for raw in sent]


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


def _receiving(sent: list[bytes], args: argparse.Namespace) -> None:
    floor = asyncio.run(_against_floor(sent, args.connections))
    with tempfile.TemporaryDirectory() as folder, _running(Path(folder)) as port:
        tally = asyncio.run(_send_all(port, sent, args.connections))
    print(
        f"receiving  {tally.rate:8.0f} messages/s on {args.connections} connections,"
        f" p50 {tally.percentile(0.5):.1f} ms, p99 {tally.percentile(0.99):.1f} ms,"
        f" {tally.rate / floor.rate:.2f} of acknowledging alone ({floor.rate:.0f}/s)",
        flush=True,
    )


async def _against_floor(sent: list[bytes], connections: int) -> Tally:
    async def acknowledge(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        deframer = MllpDeframer(1 << 20)
        while received := await reader.read(65536):
            writer.write(_ACKNOWLEDGED * len(deframer.feed(received)))
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(acknowledge, "127.0.0.1", 0)
    try:
        return await _send_all(listening.sockets[0].getsockname()[1], sent, connections)
    finally:
        listening.close()


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[int]:
    """Run a bridge, whose server is away, in a process of its own; gives its port."""
    _bridge(folder, 9)
    command = [sys.executable, "-m", "fhirserver_device_bridge", "run", "--config"]
    with subprocess.Popen(
        [*command, str(folder / "bridge.yaml")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            listening = next(line for line in process.stdout if line.startswith("listening"))
            yield int(listening.rpartition(":")[2])
        finally:
            process.terminate()


async def _send_all(port: int, sent: list[bytes], connections: int) -> Tally:
    """Send everything; each connection waits for an acknowledgement before it sends again."""
    tally, left = Tally(), iter(sent)
    began = time.perf_counter()
    await asyncio.gather(*(_send(port, left, tally) for _ in range(connections)))
    tally.seconds = time.perf_counter() - began
    tally.latencies_ms.sort()
    return tally


async def _send(port: int, left: "iter[bytes]", tally: Tally) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for raw in left:
        began = time.perf_counter()
        writer.write(block(raw))
        answer = await reader.readuntil(b"\x1c\r")
        assert b"MSA|CA|" in answer, answer
        tally.latencies_ms.append((time.perf_counter() - began) * 1000)
    writer.close()
    await writer.wait_closed()


def _draining(sent: list[bytes], args: argparse.Namespace) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        server(Path(folder) / "data", args.workers) as (port, pid),
    ):
        _post(port, [_patients(args.monitors)])
        floor = _floor(port, sent)
        bridge = _bridge(Path(folder), port)
        _fill(bridge, sent)
        running = RunningBridge(bridge)
        before, began = spent_below(pid), time.perf_counter()
        own = _cpu(running.drain)
        seconds = time.perf_counter() - began
        spent = spent_below(pid).since(before)
        running.close()
    rate = len(sent) / seconds
    each = 1000 / len(sent)
    print(
        f"draining   {rate:8.0f} messages/s of one source, {args.monitors} monitors,"
        f" {rate / floor:.2f} of plain creates ({floor:.0f}/s); CPU a message: bridge"
        f" {own * each:.2f} ms, server {spent.server * each:.2f} ms,"
        f" PostgreSQL {spent.postgres * each:.2f} ms",
        flush=True,
    )


def _patients(monitors: int) -> bytes:
    entries = [
        {
            "resource": {
                "resourceType": "Patient",
                "identifier": [{"system": HOSPITAL, "value": f"P{seed}"}],
            },
            "request": {"method": "POST", "url": "Patient"},
        }
        for seed in range(1, monitors + 1)
    ]
    return encode(_transaction(entries))


def _post(port: int, bodies: list[bytes]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for body in bodies:
        connection.request("POST", "/fhir", body, {"Content-Type": "application/fhir+json"})
        answer = connection.getresponse()
        said = answer.read()
        assert answer.status == 200, said
    connection.close()


def _transaction(entries: list[dict[str, object]]) -> dict[str, object]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _floor(port: int, sent: list[bytes]) -> float:
    """Create the Observations of some messages without conditions; gives messages a second."""
    some = sent[: min(400, len(sent))]
    created = [entry for number, raw in enumerate(some) for entry in _as_creates(raw, number)]
    bodies = [
        encode(_transaction(created[start : start + 100])) for start in range(0, len(created), 100)
    ]
    began = time.perf_counter()
    _post(port, bodies)
    return len(some) / (time.perf_counter() - began)


def _as_creates(raw: bytes, number: int) -> list[dict[str, object]]:
    bundle = convert(raw, SOURCE, START, number).bundle
    assert bundle is not None
    resources = [entry["resource"] for entry in bundle["entry"]]
    return [
        {
            "resource": {**each, "subject": {"display": "floor"}, "device": {"display": "floor"}},
            "request": {"method": "POST", "url": "Observation"},
        }
        for each in resources
        if each["resourceType"] == "Observation"
    ]


def _fill(bridge: Bridge, sent: list[bytes]) -> None:
    journal = Journal(bridge.journal.folder)
    asked = [
        journal.ask(append(Arrival(SOURCE.name, "bench", START, str(number), raw)))
        for number, raw in enumerate(sent)
    ]
    for each in asked:
        each.result()
    journal.close()


def _bridge(folder: Path, port: int) -> Bridge:
    file = folder / "bridge.yaml"
    journal = folder / "journal"
    file.write_text(_CONFIG.format(port=port, folder=journal, hospital=HOSPITAL), "utf-8")
    return read_config(file)


if __name__ == "__main__":
    sys.exit(main())
