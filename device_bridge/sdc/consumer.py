"""One provider: connected, watched, and connected anew for as long as it takes.

Spec: IEEE 11073-20701; IEEE 11073-20702 (MDPWS)

A consumer is never mended: where a subscription cannot be renewed, or the provider began a new
sequence, it is thrown away and another is built. The first thing that it tells is what all metrics
are now, so that what changed meanwhile is known too.
"""

import contextlib
import logging
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from sdc11073 import observableproperties
from sdc11073.certloader import SSLContextContainer
from sdc11073.consumer.consumerimpl import SdcConsumer, default_components_factory
from sdc11073.definitions_sdc import SdcV1Definitions
from sdc11073.dispatch import RequestDispatcher
from sdc11073.mdib import ConsumerMdib

from fhirserver_device_bridge.config.settings import Credentials, Provider
from fhirserver_device_bridge.protocols.sdc.update import Update
from fhirserver_device_bridge.sdc.mdib import all_metrics, update_of

_LOG = logging.getLogger("fhir-bridge")
_RENEW_S = 1
"""Between two renewals of a subscription: so long it takes to notice that a provider is gone."""

_LOOK_S = 0.25
_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 5.0

Tell = Callable[[Update], None]


def follow(
    provider: Provider, tell: Tell, announce: Callable[[str], None], stop: threading.Event
) -> None:
    """Follow a provider until `stop` is set.

    Args:
        provider: its address and credentials.
        tell: gets updates, from threads of the library.
        announce: gets a line each time that it is connected.
        stop: set by whoever wants it to end.
    """
    tls = None if provider.credentials is None else tls_contexts(provider.credentials)
    pause_s = _SHORTEST_PAUSE_S
    while not stop.is_set():
        try:
            with _connected(provider.address, tls, tell) as is_alive:
                pause_s = _SHORTEST_PAUSE_S
                announce(f"connected {provider.source}")
                while is_alive() and not stop.wait(_LOOK_S):
                    pass
        # The library lets anything out: of sockets, of XML, of its own threads.
        except Exception as error:  # noqa: BLE001
            _LOG.warning("source %s: no connection: %s", provider.source, type(error).__name__)
        if not stop.wait(pause_s):
            _LOG.warning("source %s: connecting anew", provider.source)
        pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)


def tls_contexts(credentials: Credentials) -> SSLContextContainer:
    """Read the files of TLS: both sides show a certificate of the authority, in both directions.

    Certificates of devices name devices and not addresses, so that names are not compared: the
    authority must be one of devices alone.

    Raises:
        OSError: a file cannot be used.
    """
    client = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=credentials.ca_file)
    client.check_hostname = False
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=credentials.ca_file)
    server.verify_mode = ssl.CERT_REQUIRED
    for context in (client, server):
        context.load_cert_chain(credentials.certificate, credentials.key)
    return SSLContextContainer(client, server)


@contextlib.contextmanager
def _connected(
    address: str, tls: SSLContextContainer | None, tell: Tell
) -> Iterator[Callable[[], bool]]:
    """Build a consumer; gives what tells whether it is still connected."""
    components = default_components_factory()
    # The default one has a thread that never ends, and with it all that the consumer held.
    components.action_dispatcher_class = RequestDispatcher
    consumer = SdcConsumer(
        address,
        SdcV1Definitions,
        tls,
        components=components,
        # Else the library goes on unencrypted where TLS fails.
        force_ssl_connect=tls is not None,
    )
    changed = threading.Event()
    try:
        consumer.start_all(fixed_renew_interval=_RENEW_S)
        mdib = ConsumerMdib(consumer)
        device = str(consumer.host_description.relationship.Host.EndpointReference.Address)

        def tell_of(states: list[Any]) -> None:
            update = update_of(mdib, states, device, datetime.now(UTC))
            if update is not None:
                tell(update)

        def on_metrics(by_handle: dict[str, Any] | None) -> None:
            tell_of(list((by_handle or {}).values()))  # None while all is read anew

        def on_sequence(_: object) -> None:
            changed.set()

        observableproperties.strongbind(mdib, metrics_by_handle=on_metrics)
        observableproperties.strongbind(mdib, sequence_or_instance_id_changed_event=on_sequence)
        mdib.init_mdib()
        tell_of(all_metrics(mdib))
        yield lambda: bool(consumer.is_connected) and not changed.is_set()
    finally:
        with contextlib.suppress(Exception):
            consumer.stop_all(unsubscribe=bool(consumer.is_connected))
