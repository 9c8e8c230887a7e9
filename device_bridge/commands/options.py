"""What several commands take: the configuration, and with it the journal."""

import argparse
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from fhirserver_device_bridge.commands.usage import UsageError
from fhirserver_device_bridge.journal.changes import Change
from fhirserver_device_bridge.journal.layout import JournalError, open_journal

if TYPE_CHECKING:
    from fhirserver_device_bridge.config.settings import Bridge

T = TypeVar("T")


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT, as the type of an option."""
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no HOST:PORT")
    return host.strip("[]"), int(port)


def add_config_option(parser: argparse.ArgumentParser) -> None:
    """Declare --config."""
    parser.add_argument(
        "--config", required=True, metavar="FILE", type=Path, help="configuration, YAML"
    )


def configuration(arguments: argparse.Namespace) -> "Bridge":
    """Read the configuration. Raises UsageError where it cannot be used."""
    from fhirserver_device_bridge.config.document import ConfigError
    from fhirserver_device_bridge.config.read import read_config
    from fhirserver_device_bridge.mapping.files import mapping_named
    from fhirserver_device_bridge.protocols.modbus.layouts import layout_of
    from fhirserver_device_bridge.protocols.spoken.layouts import line_layout_of
    from fhirserver_device_bridge.v2fhir.files import mappings_of

    try:
        bridge = read_config(arguments.config)
        for source in bridge.sources:
            mapping_named(source.mapping)
            mappings_of(source)
            if source.registers is not None:
                layout_of(source.registers)
            if source.lines is not None:
                line_layout_of(Path(source.lines))
    except ConfigError as error:
        raise UsageError(str(error)) from None
    return bridge


@contextmanager
def journal_of(arguments: argparse.Namespace) -> Iterator[sqlite3.Connection]:
    """Open the configured journal, beside a bridge that may run on it."""
    try:
        with closing(open_journal(configuration(arguments).journal.folder)) as connection:
            yield connection
    except JournalError as error:
        raise UsageError(str(error), 1) from None


def changed(connection: sqlite3.Connection, change: Change[T]) -> T:
    """Make a change in a transaction of its own."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        outcome = change(connection)
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    return outcome
