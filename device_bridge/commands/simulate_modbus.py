"""Play devices with registers: answer by Modbus, until stopped."""

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fhirserver_device_bridge.commands.options import address
from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.simulator.cable import cable
from fhirserver_device_bridge.simulator.faults import Chances

if TYPE_CHECKING:
    from fhirserver_device_bridge.protocols.modbus.layout import Layout
    from fhirserver_device_bridge.simulator.modbus_server import SerialEnd

_PSEUDO = "pty"
_BAUD = 19200


def add_options(modbus: argparse.ArgumentParser) -> None:
    """Declare what only this kind takes."""
    modbus.add_argument(
        "--map", required=True, metavar="MAP", help="file, or name of a map that is shipped"
    )
    where = modbus.add_mutually_exclusive_group(required=True)
    where.add_argument(
        "--listen", type=address, metavar="HOST:PORT", help="answer by TCP; port 0: a free one"
    )
    where.add_argument("--serial", metavar="PORT", help="answer by RTU; pty: a pseudo terminal")
    modbus.add_argument(
        "--units", type=_units, default=(1,), metavar="LIST", help="a device each; default 1"
    )
    modbus.add_argument("--baud", type=int, default=_BAUD, metavar="N", help="default %(default)s")
    modbus.add_argument(
        "--parity", choices=("none", "even", "odd"), default="even", help="default even"
    )
    modbus.add_argument("--seconds", type=float, metavar="N", help="end after so long")


def run(arguments: argparse.Namespace) -> int:
    """Answer until it is over."""
    try:
        asyncio.run(_play(arguments))
    except ImportError as missing:
        remedy = "pip install 'fhirserver[simulator]'"
        raise UsageError(f"{missing.name} is not installed: {remedy}", 1) from None
    except OSError as error:
        raise UsageError(f"nothing answers there: {error}", 1) from None
    return 0


async def _play(arguments: argparse.Namespace) -> None:
    from fhirserver_device_bridge.simulator.modbus_server import Played, play
    from fhirserver_device_bridge.simulator.registers import PlayedDevice

    layout = _layout(arguments.map)
    devices = {unit: PlayedDevice(layout, arguments.seed + unit - 1) for unit in arguments.units}
    chances = Chances(arguments.seed, arguments.faults)
    with _place(arguments) as where, contextlib.suppress(TimeoutError):
        async with asyncio.timeout(arguments.seconds):
            await play(Played(devices, chances, arguments.rate), where, _announce)


def _layout(name: str) -> "Layout":
    from fhirserver_device_bridge.config.document import ConfigError
    from fhirserver_device_bridge.protocols.modbus.layouts import layout_of

    try:
        return layout_of(name)
    except ConfigError as error:
        raise UsageError(str(error)) from None


@contextlib.contextmanager
def _place(arguments: argparse.Namespace) -> "Iterator[tuple[str, int] | SerialEnd]":
    """Give where it answers; of a pseudo terminal the far end is told."""
    from fhirserver_device_bridge.simulator.modbus_server import SerialEnd

    if arguments.listen is not None:
        yield arguments.listen
        return
    if arguments.serial != _PSEUDO:
        yield SerialEnd(arguments.serial, arguments.baud, arguments.parity[0].upper())
        return
    with cable() as (near, far):
        # Pseudo terminals have no parity.
        yield SerialEnd(near, arguments.baud, "N", far=far)


def _announce(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _units(text: str) -> tuple[int, ...]:
    """Read a list such as 1,2,10-20."""
    units: list[int] = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        last = last if dash else first
        if not first.isdecimal() or not last.isdecimal():
            raise argparse.ArgumentTypeError(f"{text!r} is no list such as 1,2,10-20")
        units += range(int(first), int(last) + 1)
    if not units or max(units) > 255:
        raise argparse.ArgumentTypeError(f"{text!r} is not within 0 to 255")
    return tuple(dict.fromkeys(units))
