"""Cost of asking devices: CPU of the bridge while it polls simulated devices by Modbus TCP.

    python bench/modbus.py [--devices 64] [--lines 64] [--seconds 30] [--map generic-monitor]

    asking      polls are journaled, the server is away
    charting    a real server gets their Observations

Devices are those of the simulator, one process, each asked once a second. CPU is that of the bridge
alone, in percent of one core, from after its first seconds on.
"""

import argparse
import contextlib
import http.client
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cpu import spent_below
from server import server

from fhirserver_device_bridge.fhir.json_text import encode
from fhirserver_device_bridge.journal.entries import counts
from fhirserver_device_bridge.journal.layout import open_journal

_COMMAND = (sys.executable, "-m", "fhirserver_device_bridge")
_CONFIG = """\
server: {{base: "http://127.0.0.1:{port}/fhir"}}
journal: {{folder: journal}}
sources:
"""
_SOURCE = """\
  device{unit}:
    protocol: modbus
    connect: "127.0.0.{line}:{port}"
    unit: {unit}
    poll_s: 1
    registers: {map}
    device: {{system: "urn:bench", value: D{unit}}}
    systems: {{device-user: "urn:bench"}}
"""
_WARM_S = 8.0


def main() -> int:
    """Run both cases and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--devices", type=int, default=64, help="at most 247")
    parser.add_argument("--lines", type=int, default=64, help="that they are spread over")
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--map", default="generic-monitor")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cases", default="asking,charting")
    args = parser.parse_args()
    if "asking" in args.cases:
        _measure("asking", 9, args)
    if "charting" in args.cases:
        with (
            tempfile.TemporaryDirectory() as folder,
            server(Path(folder) / "data", args.workers) as (port, _),
        ):
            _post_patients(port, args.devices)
            _measure("charting", port, args)
    return 0


def _measure(case: str, server_port: int, args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as name, _devices(args) as port:
        folder = Path(name)
        sources = (
            _SOURCE.format(unit=unit, line=1 + unit % args.lines, port=port, map=args.map)
            for unit in range(1, args.devices + 1)
        )
        config = folder / "bridge.yaml"
        config.write_text(_CONFIG.format(port=server_port) + "".join(sources), "utf-8")
        with subprocess.Popen(
            [*_COMMAND, "run", "--config", config], stdout=subprocess.PIPE, text=True
        ) as bridge:
            assert bridge.stdout is not None
            bridge.stdout.readline()
            time.sleep(_WARM_S)
            before, spent, began = _kept(folder), spent_below(bridge.pid), time.perf_counter()
            time.sleep(args.seconds)
            seconds = time.perf_counter() - began
            cpu = spent_below(bridge.pid).since(spent).server
            polls, states = _kept(folder) - before, _states(folder)
            bridge.terminate()
    print(
        f"{case:10} {100 * cpu / seconds:5.1f} % of a core, {polls / seconds:.1f} polls/s of"
        f" {args.devices} devices on {args.lines} lines, {1000 * cpu / polls:.2f} ms a poll;"
        f" entries {states}",
        flush=True,
    )


@contextlib.contextmanager
def _devices(args: argparse.Namespace) -> Iterator[int]:
    """Play the devices; gives their port, which they have on all loopback addresses."""
    words = ("--map", args.map, "--units", f"1-{args.devices}", "--listen", "0.0.0.0:0")
    with subprocess.Popen(
        [*_COMMAND, "simulate", "modbus", *words], stdout=subprocess.PIPE, text=True
    ) as devices:
        assert devices.stdout is not None
        try:
            yield int(devices.stdout.readline().rpartition(":")[2])
        finally:
            devices.terminate()


def _kept(folder: Path) -> int:
    return sum(_states(folder).values())


def _states(folder: Path) -> dict[str, int]:
    with contextlib.closing(open_journal(folder / "journal")) as reader:
        found: dict[str, int] = {}
        for (_, state), number in counts(reader).items():
            found[state] = found.get(state, 0) + number
        return found


def _post_patients(port: int, count: int) -> None:
    entries = [
        {
            "resource": {
                "resourceType": "Patient",
                "identifier": [{"system": "urn:bench", "value": f"D{unit}"}],
            },
            "request": {"method": "POST", "url": "Patient"},
        }
        for unit in range(1, count + 1)
    ]
    body = encode({"resourceType": "Bundle", "type": "transaction", "entry": entries})
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/fhir", body, {"Content-Type": "application/fhir+json"})
    answer = connection.getresponse()
    said = answer.read()
    assert answer.status == 200, said
    connection.close()


if __name__ == "__main__":
    sys.exit(main())
