"""Play a device: send its messages until each is acknowledged, or answer by Modbus.

The same seed says the same, whatever faults there are, and at the same device times but for skew.
"""

import argparse
import ssl
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from fhirserver_device_bridge.commands import simulate_modbus
from fhirserver_device_bridge.commands.options import address
from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.simulator.agent import Agent, pressures
from fhirserver_device_bridge.simulator.agent_client import AgentClient
from fhirserver_device_bridge.simulator.analyzer import samples
from fhirserver_device_bridge.simulator.astm_client import AstmClient
from fhirserver_device_bridge.simulator.faults import ASKED_FAULTS, FAULTS, Chances, Fault
from fhirserver_device_bridge.simulator.mllp_client import MllpClient, Receiver, RejectedError
from fhirserver_device_bridge.simulator.monitor import Message, messages
from fhirserver_device_bridge.simulator.pump import alarms

EXAMPLES = """\
examples:
  fhir-bridge simulate mllp --to 127.0.0.1:2575 --patient '12345^^^Hospital^MR'
  fhir-bridge simulate mllp --to 127.0.0.1:2575 --messages 1000 --rate 0 --seed 7
  fhir-bridge simulate alarms --to 127.0.0.1:2575 --messages 3
  fhir-bridge simulate mllp --to 127.0.0.1:2575 --faults slow,split,duplicate,garbage,drop-ack
  fhir-bridge simulate astm --to 127.0.0.1:2580 --patient 12345 --faults drop-ack,reorder
  fhir-bridge simulate 20601 --to 127.0.0.1:6024 --messages 3 --faults skew,unplug
  fhir-bridge simulate modbus --map generic-ventilator --listen 127.0.0.1:1502
  fhir-bridge simulate modbus --map generic-ventilator --serial pty --units 1,2 --faults silent
"""

T = TypeVar("T")

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
        sender.add_argument("--ca-file", type=Path, metavar="FILE", help="use TLS, and trust these")
        _add_patient(sender, "12345^^^Hospital^MR", "PID-3")
    analyzer = kinds.add_parser("astm", help="an analyzer of a laboratory: ASTM E1381, E1394")
    _add_options(analyzer)
    _add_patient(analyzer, "12345", "P.3")
    agent = kinds.add_parser("20601", help="a blood pressure monitor: IEEE 11073-20601")
    _add_options(agent)
    agent.add_argument(
        "--own-configuration", action="store_true", help="send its configuration, not a standard's"
    )
    modbus = kinds.add_parser("modbus", help="devices with registers, by a map: Modbus TCP, RTU")
    simulate_modbus.add_options(modbus)
    _add_chances(modbus, ASKED_FAULTS)


def _add_options(sender: argparse.ArgumentParser) -> None:
    sender.add_argument("--to", required=True, metavar="HOST:PORT", type=address)
    sender.add_argument("--messages", type=int, default=10, metavar="N", help="default 10")
    sender.add_argument("--start", type=_instant, metavar="TIME", help="of the first; default now")
    _add_chances(sender, FAULTS)


def _add_patient(sender: argparse.ArgumentParser, default: str, field: str) -> None:
    sender.add_argument("--patient", default=default, metavar=field, help="default %(default)s")


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
    player = _PLAYERS[arguments.kind](arguments, Chances(arguments.seed, arguments.faults))
    try:
        for each in paced(player.chances.ordered(player.made), arguments.rate):
            player.deliver(each)
    except RejectedError as error:
        raise UsageError(str(error), 1) from None
    finally:
        player.end()
    sys.stdout.write(f"{arguments.messages} messages kept, {player.sent()} sent\n")
    return 0


def paced(made: Iterable[T], rate: float) -> Iterator[T]:
    """Give what is made so many a second; 0 makes no pauses."""
    began = time.monotonic()
    for number, each in enumerate(made):
        if rate:
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
        yield each


class _Player(NamedTuple):
    """A device at work.

    Attributes:
        made: what it says.
        deliver: sends one of it until it is kept.
        end: ends its connection.
        sent: tells how much went out.
    """

    chances: Chances
    made: Iterable[Any]
    deliver: Callable[[Any], None]
    end: Callable[[], None]
    sent: Callable[[], int]


def _monitor(arguments: argparse.Namespace, chances: Chances) -> _Player:
    try:
        file = arguments.ca_file
        tls = None if file is None else ssl.create_default_context(cafile=file)
    except OSError as error:
        raise UsageError(f"{arguments.ca_file}: {error}") from None
    client = MllpClient(_receiver(arguments, tls))
    start = (arguments.start or datetime.now(UTC)) + chances.skew()
    made = _MESSAGES[arguments.kind](arguments.seed, arguments.messages, start, arguments.patient)

    def deliver(message: Message) -> None:
        for transmission in chances.transmissions(message.raw):
            client.deliver(message, transmission)

    return _Player(chances, made, deliver, client.close, lambda: client.sent)


def _receiver(arguments: argparse.Namespace, tls: ssl.SSLContext | None = None) -> Receiver:
    host, port = arguments.to
    return Receiver(host, port, tls)


def _analyzer(arguments: argparse.Namespace, chances: Chances) -> _Player:
    client = AstmClient(_receiver(arguments), arguments.seed, chances)
    start = (arguments.start or datetime.now(UTC)) + chances.skew()
    made = samples(arguments.seed, arguments.messages, start, arguments.patient)
    return _Player(chances, made, client.deliver, client.close, lambda: client.sent)


def _agent(arguments: argparse.Namespace, chances: Chances) -> _Player:
    agent = Agent(arguments.seed, chances.skew(), arguments.own_configuration)
    client = AgentClient(_receiver(arguments), agent, chances)
    # Nothing is measured later than its clock shows.
    start = arguments.start or datetime.now(UTC) - timedelta(minutes=arguments.messages)
    made = pressures(arguments.seed, arguments.messages, start.astimezone(UTC))
    return _Player(chances, made, client.deliver, client.release, lambda: client.sent)


_PLAYERS = {"mllp": _monitor, "alarms": _monitor, "astm": _analyzer, "20601": _agent}


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
