"""The ports: one a source."""

import asyncio
import contextlib
import logging
import ssl

from fhirserver_device_bridge.config.settings import Listener, Protocol, Tls
from fhirserver_device_bridge.metrics import Metrics
from fhirserver_device_bridge.running.agent_connection import AgentConnection
from fhirserver_device_bridge.running.astm_connection import AstmConnection
from fhirserver_device_bridge.running.capacity import Capacity
from fhirserver_device_bridge.running.commits import Commits
from fhirserver_device_bridge.running.connection import MllpConnection
from fhirserver_device_bridge.running.gateway_connection import GatewayConnection
from fhirserver_device_bridge.running.spoken_connection import SpokenConnection

_LOG = logging.getLogger("fhir-bridge")
_HANDSHAKE_S = 10.0
_Connection = (
    MllpConnection | AgentConnection | AstmConnection | GatewayConnection | SpokenConnection
)
_CONNECTIONS: dict[Protocol, type[_Connection]] = {
    "mllp": MllpConnection,
    "x20601": AgentConnection,
    "astm": AstmConnection,
    "nonin": SpokenConnection,
    "line": SpokenConnection,
    "bluetooth": GatewayConnection,
    "sdc": GatewayConnection,
}


class Port:
    """One listening port with its connections.

    Args:
        listener: its settings.
    """

    def __init__(
        self, listener: Listener, commits: Commits, capacity: Capacity, metrics: Metrics
    ) -> None:
        self.listener = listener
        self._commits = commits
        self._capacity = capacity
        self._metrics = metrics
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Begin to listen. Raises OSError where the address is taken or TLS files are wrong."""
        listener = self.listener
        context = None if listener.tls is None else tls_context(listener.tls)
        self._server = await asyncio.start_server(
            self._accept,
            listener.host,
            listener.port,
            ssl=context,
            ssl_handshake_timeout=None if context is None else _HANDSHAKE_S,
        )

    @property
    def address(self) -> str:
        """Where it listens, e.g. "127.0.0.1:2575"."""
        assert self._server is not None
        return _shown(self._server.sockets[0].getsockname())

    @property
    def open_connections(self) -> int:
        """How many there are now."""
        return len(self._connections)

    async def close(self) -> None:
        """Listen no more, and close: what is not acknowledged its sender still has."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        name = self.listener.source.name
        if len(self._connections) >= self.listener.connection_limit:
            _LOG.warning("source %s: a connection beyond connection_limit is closed", name)
            writer.close()
            return
        self._connections.add(task)
        self._metrics.count("connections", name)
        peer = _shown(writer.get_extra_info("peername"))
        connection = _CONNECTIONS[self.listener.protocol](
            self.listener, self._commits, self._capacity, self._metrics, peer
        )
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await connection.serve(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()


def tls_context(tls: Tls) -> ssl.SSLContext:
    """Read the files of TLS. Raises OSError where one cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tls.certificate, tls.key)
    if tls.client_ca is not None:
        context.load_verify_locations(tls.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _shown(address: tuple[object, ...]) -> str:
    host, port = address[:2]
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
