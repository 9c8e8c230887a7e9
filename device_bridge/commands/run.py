"""Listen to devices, and bring what they say to the server, until it is told to stop.

It prints one line for each port, one for the metrics endpoint, and "ready". Logs go to standard
error; they name sources and entries of the journal, never what is in a message. Ctrl-C or SIGTERM
stops it in order; after a crash or a loss of power it goes on where the journal stands.
"""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
import threading

from fhirserver_device_bridge.commands.options import add_config_option, configuration
from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.journal.layout import JournalError
from fhirserver_device_bridge.running.beside import Beside
from fhirserver_device_bridge.running.bridge import BackError, RunningBridge

EXAMPLES = """\
examples:
  fhir-bridge run --config bridge.yaml
  fhir-bridge run --config bridge.yaml --check     read the configuration, say what is wrong, end
  fhir-bridge run --config bridge.yaml --drain     send what waits, hear nothing new, end
"""

_LOG = logging.getLogger("fhir-bridge")
_DEFECT = 70


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_config_option(parser)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="only read the configuration")
    mode.add_argument("--drain", action="store_true", help="send what waits, then end")


def run(arguments: argparse.Namespace) -> int:
    """Run until stopped."""
    bridge = configuration(arguments)
    if arguments.check:
        return 0
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    threading.excepthook = _end
    try:
        with contextlib.ExitStack() as stack:
            beside = None if arguments.drain else Beside(bridge)
            if beside is not None:
                stack.callback(beside.stop)
            running = RunningBridge(bridge, beside)
            stack.callback(running.close)
            if arguments.drain:
                running.drain()
            else:
                asyncio.run(_until_stopped(running))
    except (JournalError, OSError) as error:
        raise UsageError(str(error), 1) from None
    except BackError:
        _LOG.critical("the process that sends and watches is gone")
        return _DEFECT
    return 0


async def _until_stopped(running: RunningBridge) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await running.run(stop, _announce)


def _announce(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _end(defect: threading.ExceptHookArgs) -> None:
    """End the process: half a bridge would look alive. What starts it again loses nothing."""
    name = "a thread" if defect.thread is None else defect.thread.name
    _LOG.critical("%s ended by a defect: %s", name, defect.exc_type.__name__)
    os._exit(_DEFECT)
