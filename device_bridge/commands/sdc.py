"""Follow a provider of SDC, and tell a running bridge what its metrics are.

It runs beside the bridge, one for each source of the protocol sdc, until it is stopped; a provider
or a bridge that is away is waited for. It prints "connected SOURCE" each time that it has reached
the provider.
"""

import argparse
import contextlib
import logging
import signal
import sys
import threading
from urllib.parse import urlsplit

from fhirserver_device_bridge.commands.options import add_config_option, configuration
from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.config.read_alarms import is_loopback
from fhirserver_device_bridge.config.settings import Bridge, Provider
from fhirserver_device_bridge.protocols.sdc.update import write
from fhirserver_device_bridge.sdc.feed import Feed

EXAMPLES = """\
examples:
  fhir-bridge sdc --config bridge.yaml
  fhir-bridge sdc --config bridge.yaml --source theatre2
  fhir-bridge sdc --config bridge.yaml --insecure     a provider on this machine, without TLS
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_config_option(parser)
    parser.add_argument("--source", metavar="NAME", help="of several sources of the protocol sdc")
    parser.add_argument(
        "--to", metavar="HOST:PORT", help="where the bridge hears the source, if not at its listen"
    )
    parser.add_argument(
        "--insecure", action="store_true", help="without TLS; for providers on this machine only"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run until stopped."""
    provider = _provider(configuration(arguments), arguments.source)
    _check(provider, insecure=arguments.insecure)
    try:
        from fhirserver_device_bridge.sdc.consumer import follow
    except ModuleNotFoundError:
        raise UsageError("it needs the extra sdc: pip install 'fhirserver[sdc]'") from None
    out = sys.stdout

    def announce(line: str) -> None:
        out.write(f"{line}\n")
        out.flush()

    _log_nothing_of_the_library()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    feed = Feed(_address(arguments.to) if arguments.to else (provider.host, provider.port))
    feed.start()
    try:
        # The library prints messages that it cannot read: they hold values of patients.
        with contextlib.redirect_stdout(None):
            follow(provider, lambda update: feed.tell(write(update)), announce, stop)
    except OSError as error:
        raise UsageError(f"certificate, key and ca_file cannot be used: {error}") from None
    finally:
        feed.end()
    return 0


def _provider(bridge: Bridge, name: str | None) -> Provider:
    found = [each for each in bridge.providers if name in (None, each.source)]
    if not found:
        raise UsageError("the configuration has no such source of the protocol sdc")
    if len(found) > 1:
        names = ", ".join(each.source for each in found)
        raise UsageError(f"say which source: --source with one of {names}")
    return found[0]


def _check(provider: Provider, *, insecure: bool) -> None:
    """Refuse to speak with others unencrypted, or without knowing who they are."""
    if provider.credentials is not None:
        return
    if not insecure:
        raise UsageError(
            "provider needs certificate, key and ca_file; --insecure goes without, on this machine"
        )
    if not is_loopback(urlsplit(provider.address).hostname or ""):
        raise UsageError("--insecure is for providers on this machine only")


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or not is_loopback(host.strip("[]")):
        raise UsageError("--to must be HOST:PORT of this machine")
    return host.strip("[]"), int(port)


def _log_nothing_of_the_library() -> None:
    """Keep its log from what it logs of messages: they hold values of patients."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
    for name in ("sdc", "sdc_comm"):
        library = logging.getLogger(name)
        library.propagate = False
        library.addHandler(logging.NullHandler())
