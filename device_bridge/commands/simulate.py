"""Play a device: send its messages by MLLP until each is acknowledged, or answer by Modbus.

The same seed says the same, at the same device times, whatever faults there are.
"""

import argparse
import ssl
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from fhirserver_device_bridge.commands import simulate_modbus
from fhirserver_device_bridge.commands.options import address
from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.simulator.faults import ASKED_FAULTS, FAULTS, Chances, Fault
from fhirserver_device_bridge.simulator.mllp_client import MllpClient, Receiver, RejectedError
from fhirserver_device_bridge.simulator.monitor import messages
from fhirserver_device_bridge.simulator.pump import alarms

EXAMPLES = """\
examples:
  fhir-bridge simulate mllp --to 127.0.0.1:2575 --patient '12345^^^Hospital^MR'
  fhir-bridge simulate mllp --to 127.0.0.1:2575 --messages 1000 --rate 0 --seed 7
  fhir-bridge simulate alarms --to 127.0.0.1:2575 --messages 3
  fhir-bridge simulate mllp --to 127.0.0.1:2575 --faults slow,split,duplicate,garbage,drop-ack
  fhir-bridge simulate modbus --map generic-ventilator --listen 127.0.0.1:1502
  fhir-bridge simulate modbus --map generic-ventilator --serial pty --units 1,2 --faults silent
"""

_MESSAGES = {"mllp": messages, "alarms": alarms}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    kinds = parser.add_subparsers(dest="kind", metavar="KIND", required=True)
    for name, words in (
        ("mllp", "a patient monitor: HL7 v2, IHE PCD-01"),
        ("alarms", "an infusion pump's alarms: HL7 v2, IHE PCD-04"),
    ):
        sender = kinds.add_parser(name, help=words)
        _add_options(sender)
        _add_chances(sender, FAULTS)
    modbus = kinds.add_parser("modbus", help="devices with registers, by a map: Modbus TCP, RTU")
    simulate_modbus.add_options(modbus)
    _add_chances(modbus, ASKED_FAULTS)


def _add_options(mllp: argparse.ArgumentParser) -> None:
    mllp.add_argument("--to", required=True, metavar="HOST:PORT", type=address)
    mllp.add_argument("--messages", type=int, default=10, metavar="N", help="default 10")
    mllp.add_argument("--start", type=_instant, metavar="TIME", help="of the first; default now")
    mllp.add_argument(
        "--patient", default="12345^^^Hospital^MR", metavar="PID-3", help="default %(default)s"
    )
    mllp.add_argument("--ca-file", type=Path, metavar="FILE", help="use TLS, and trust these")


def _add_chances(kind: argparse.ArgumentParser, faults: tuple[Fault, ...]) -> None:
    kind.add_argument("--rate", type=float, default=1.0, metavar="N", help="a second; 0: no pauses")
    kind.add_argument("--seed", type=int, default=1, metavar="N", help="default 1")
    kind.add_argument(
        "--faults",
        type=lambda text: _faults(text, faults),
        default=frozenset(),
        metavar="LIST",
        help=", ".join(faults),
    )


def run(arguments: argparse.Namespace) -> int:
    """Send everything, or answer until it is over."""
    if arguments.kind == "modbus":
        return simulate_modbus.run(arguments)
    tls = None
    try:
        if arguments.ca_file is not None:
            tls = ssl.create_default_context(cafile=arguments.ca_file)
    except OSError as error:
        raise UsageError(f"{arguments.ca_file}: {error}") from None
    host, port = arguments.to
    client = MllpClient(Receiver(host, port, tls))
    try:
        _send(arguments, client)
    except RejectedError as error:
        raise UsageError(str(error), 1) from None
    finally:
        client.close()
    sys.stdout.write(f"{arguments.messages} messages kept, {client.sent} sent\n")
    return 0


def _send(arguments: argparse.Namespace, client: MllpClient) -> None:
    chances = Chances(arguments.seed, arguments.faults)
    start = arguments.start or datetime.now(UTC)
    began = time.monotonic()
    made = _MESSAGES[arguments.kind](arguments.seed, arguments.messages, start, arguments.patient)
    for number, message in enumerate(made):
        if arguments.rate:
            time.sleep(max(0.0, began + number / arguments.rate - time.monotonic()))
        for transmission in chances.transmissions(message.raw):
            client.deliver(message, transmission)


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-01-31T12:00:00Z")
    return instant


def _faults(text: str, known: tuple[Fault, ...]) -> frozenset[Fault]:
    named = {word for word in text.split(",") if word}
    chosen = frozenset(fault for fault in known if fault in named)
    if len(chosen) < len(named):
        raise argparse.ArgumentTypeError(f"of {text!r} only {', '.join(known)} are known")
    return chosen
