"""Sources that share a line must agree on it: it is opened once, for all of them.

Several devices are asked on one serial line, or through one gateway, each by the number of its
unit. Who is heard (ASTM, Nonin, lines of text) has a line of its own.
"""

from collections.abc import Iterable
from pathlib import Path

from fhirserver_device_bridge.config.document import Document
from fhirserver_device_bridge.config.settings import LineListener, Poll, SerialLine, TcpLine
from fhirserver_device_bridge.source import Source


def check_lines(
    document: Document, polls: Iterable[Poll], listeners: Iterable[LineListener]
) -> None:
    """Hold the lines of all sources against each other.

    Raises:
        ConfigError: a port is set in two ways, or heard by two, or a unit is two devices.
    """
    ports: dict[Path, tuple[str, SerialLine | None]] = {}
    for heard in listeners:
        if isinstance(heard.line, SerialLine):
            _check_port(document, heard.source.name, heard.line, ports, shared=False)
    units: dict[tuple[TcpLine | SerialLine, int], Source] = {}
    for poll in polls:
        if isinstance(poll.line, SerialLine):
            _check_port(document, poll.source.name, poll.line, ports, shared=True)
        first = units.setdefault((poll.line, poll.unit), poll.source)
        if first.device != poll.source.device:
            told = f"source {first.name} says that this unit of the line is another device"
            raise document.error(("sources", poll.source.name, "device"), told)


def _check_port(
    document: Document,
    name: str,
    line: SerialLine,
    ports: dict[Path, tuple[str, SerialLine | None]],
    *,
    shared: bool,
) -> None:
    """Note whose a port is, with the settings that others may share."""
    if line.port not in ports:
        ports[line.port] = name, line if shared else None
        return
    first, settings = ports[line.port]
    if settings is None:
        told = f"source {first} is heard on this port: give it another"
    elif settings != line:
        told = f"source {first} has other settings of this port: make them alike"
    else:
        return
    raise document.error(("sources", name, "serial"), told)
