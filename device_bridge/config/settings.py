"""What the configuration says, in the form the rest of the bridge is told it.

Defaults stand here and nowhere else; docs/device-bridge.md names each.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from fhirserver_device_bridge.config.alarm_settings import Alarms
from fhirserver_device_bridge.source import Source

Protocol = Literal["mllp", "x20601", "astm", "nonin", "line", "bluetooth", "sdc"]
Parity = Literal["none", "even", "odd"]
IDLE_S = 3600.0
"""How long a sender may be silent."""

EVERY_S: dict[str, float] = {"nonin": 1.0}
"""`every_s` of protocols whose devices say the same several times a second; 0 for others."""


@dataclass(frozen=True, slots=True)
class Smart:
    """Who the bridge is to the server: a SMART backend service.

    Attributes:
        client_id: as registered.
        key_file: its private key, in PEM or as a JWK: RSA, or the curve P-384.
        key_id: name of the key, `kid`, as registered.
        scope: what it asks for.
    """

    client_id: str
    key_file: Path
    key_id: str
    scope: str = "system/*.cruds"


@dataclass(frozen=True, slots=True)
class Server:
    """Where Observations go.

    Attributes:
        base: FHIR base, without a slash at the end.
        token_file: holds a bearer token; read anew for every request. None for no token.
        smart: gets tokens from the server's authorization server; None for `token_file`.
        ca_file: authorities to trust; None for the system's.
        timeout_s: for every step of a request.
    """

    base: str
    token_file: Path | None = None
    smart: Smart | None = None
    ca_file: Path | None = None
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """Where frames are kept.

    Attributes:
        folder: made if missing; one bridge at a time.
        retention_days: how long what was delivered stays for a replay.
        minimum_free_bytes: with less free on its disk, frames are refused.
        backlog_limit: with more entries not delivered, sockets are no longer read.
    """

    folder: Path
    retention_days: float = 30.0
    minimum_free_bytes: int = 256 * 1024 * 1024
    backlog_limit: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """How the server is asked again.

    Attributes:
        attempts: after this many answers that blame neither the message nor the hour (409, 500 and
            the like), a message goes to the dead letters.
        longest_pause_s: between two attempts.
        held_retry_s: how often a held message looks for its patient.
        connections: to the server, for each source; the messages of a device go over one.
    """

    attempts: int = 8
    longest_pause_s: float = 30.0
    held_retry_s: float = 60.0
    connections: int = 2


@dataclass(frozen=True, slots=True)
class Following:
    """What the server is asked about whose devices and beds are.

    Attributes:
        types: of `DeviceUseStatement` and `Encounter`.
        poll_s: between two questions.
    """

    types: tuple[str, ...] = ()
    poll_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Tls:
    """Files in PEM; with `client_ca` senders must show a certificate that it signed."""

    certificate: Path
    key: Path
    client_ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """The bridge's own HTTP port: metrics, health and alarms.

    Attributes:
        port: 0 chooses a free one.
        token_file: holds the bearer token that is asked for; None for none. Read for every request.
        tls: needed, as the token is, where `host` is not this machine alone.
    """

    port: int
    host: str = "127.0.0.1"
    token_file: Path | None = None
    tls: Tls | None = None


@dataclass(frozen=True, slots=True)
class Listener:
    """One port on which one source is heard.

    Attributes:
        source: what decoders must know of it.
        protocol: mllp for HL7 v2, x20601 for personal health devices (IEEE 11073-20601), astm for
            analyzers of laboratories (ASTM E1381, E1394), nonin for oximeters of Nonin, line for
            devices that print lines, bluetooth for gateways to devices of Bluetooth's health
            profiles, sdc for the consumer of an SDC provider.
        host, port: to bind; port 0 chooses a free one.
        size_limit_bytes: of one message.
        idle_s: a connection that is silent for so long is closed.
        every_s: of packets or lines that come within so many seconds only the first is kept.
    """

    source: Source
    host: str
    port: int
    protocol: Protocol
    tls: Tls | None = None
    size_limit_bytes: int = 16 * 1024 * 1024
    connection_limit: int = 256
    idle_s: float = IDLE_S
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """Files in PEM by which a consumer of SDC and its provider know each other.

    Attributes:
        certificate, key: its own, shown to the provider in both directions.
        ca_file: authority whose certificates are believed.
    """

    certificate: Path
    key: Path
    ca_file: Path


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of SDC, and where its consumer tells the bridge of it.

    Attributes:
        source: name of the source.
        address: of the provider, http or https, with its path.
        host, port: on which the bridge hears the source.
        credentials: None for no encryption.
    """

    source: str
    address: str
    host: str
    port: int
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class SerialLine:
    """A serial port with 8 bits a character.

    Attributes:
        port: of the operating system, e.g. /dev/ttyUSB0.
        baud: bits a second.
    """

    port: Path
    baud: int = 19200
    parity: Parity = "even"
    stop_bits: int = 1


@dataclass(frozen=True, slots=True)
class TcpLine:
    """Where a device, or its gateway, listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class LineListener:
    """One line that the bridge opens to hear one source; attributes as of `Listener`.

    Attributes:
        line: a serial port, or where a gateway to one listens.
        idle_s: None for a serial port, whose silence says nothing.
    """

    source: Source
    line: SerialLine | TcpLine
    protocol: Protocol
    size_limit_bytes: int = 16 * 1024 * 1024
    idle_s: float | None = None
    every_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Poll:
    """One device that is asked (Modbus).

    Attributes:
        source: what decoders must know of it; its `registers` and `device`.
        unit: the device's number on its line.
        poll_s: from the beginning of one poll to that of the next.
        timeout_s: for connecting, and for each answer.
    """

    source: Source
    line: TcpLine | SerialLine
    unit: int = 1
    poll_s: float = 10.0
    timeout_s: float = 2.0


@dataclass(frozen=True, slots=True)
class Bridge:
    """The whole file.

    Attributes:
        listeners: sources that speak by themselves, over TCP.
        line_listeners: sources that do over a line which the bridge opens.
        polls: sources that are asked.
        providers: of SDC, each of one of `listeners`.
        desk: None for no HTTP port.
        alarms: limits, channels and escalation.
        following: where whose devices and beds are is learnt from the server.
    """

    server: Server
    journal: JournalSettings
    listeners: tuple[Listener, ...] = ()
    line_listeners: tuple[LineListener, ...] = ()
    polls: tuple[Poll, ...] = ()
    providers: tuple[Provider, ...] = ()
    delivery: Delivery = field(default_factory=Delivery)
    desk: Desk | None = None
    alarms: Alarms = field(default_factory=Alarms)
    following: Following = field(default_factory=Following)

    @property
    def sources(self) -> tuple[Source, ...]:
        """All sources."""
        heard = tuple(each.source for each in self.listeners)
        heard += tuple(each.source for each in self.line_listeners)
        return heard + tuple(each.source for each in self.polls)

    def source(self, name: str) -> Source | None:
        """Find a source by its name."""
        return next((each for each in self.sources if each.name == name), None)
