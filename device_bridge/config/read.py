"""Read the configuration: every fault is said with its line, before a port is opened."""

import codecs
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fhirserver_device_bridge.config.checking import check
from fhirserver_device_bridge.config.document import Document, read_document
from fhirserver_device_bridge.config.lines import check_lines
from fhirserver_device_bridge.config.read_alarms import is_loopback, read_alarms
from fhirserver_device_bridge.config.settings import (
    EVERY_S,
    IDLE_S,
    Bridge,
    Credentials,
    Delivery,
    Desk,
    Following,
    JournalSettings,
    LineListener,
    Listener,
    Poll,
    Provider,
    SerialLine,
    Server,
    Smart,
    TcpLine,
    Tls,
)
from fhirserver_device_bridge.reading import Location
from fhirserver_device_bridge.source import MESSAGES, REGISTERS, SHIPPED, Source

_OF_SOURCE = (
    "mapping",
    "registers",
    "acknowledgement",
    "admissions",
    "silence_s",
    "specimen_component",
)
_Kind = Literal["listens", "opened", "asked"]
_USUAL_LINE = {"baud": 9600, "parity": "none"}
"""What devices that speak unasked have, if nobody set them otherwise."""
_OF_LISTENER = ("protocol", "size_limit_bytes", "connection_limit", "idle_s")


def read_config(file: Path) -> Bridge:
    """Read a configuration file; relative paths in it start at its folder.

    Raises:
        ConfigError: it cannot be read or used.
    """
    document = read_document(file)
    check(document, files(__package__).joinpath("bridge.schema.json").read_bytes())
    return _bridge(document)


def _bridge(document: Document) -> Bridge:
    value, folder = document.value, document.file.parent

    def named(*kinds: _Kind) -> list[str]:
        return [name for name, source in value["sources"].items() if _kind(source) in kinds]

    polls = tuple(_poll(document, name) for name in named("asked"))
    line_listeners = tuple(_line_listener(document, name) for name in named("opened"))
    check_lines(document, polls, line_listeners)
    return Bridge(
        server=_server(document),
        journal=JournalSettings(
            folder=folder / value["journal"]["folder"],
            **_given(value["journal"], "retention_days", "minimum_free_bytes", "backlog_limit"),
        ),
        delivery=Delivery(**value.get("delivery", {})),
        following=_following(value.get("assignments", {})),
        desk=_desk(document) if "metrics" in value else None,
        alarms=read_alarms(document),
        listeners=tuple(_listener(document, name) for name in named("listens")),
        line_listeners=line_listeners,
        polls=polls,
        providers=tuple(
            _provider(document, name)
            for name, source in value["sources"].items()
            if source["protocol"] == "sdc"
        ),
    )


def _following(value: dict[str, Any]) -> Following:
    return Following(tuple(value.get("follow", ())), **_given(value, "poll_s"))


def _kind(source: dict[str, Any]) -> _Kind:
    """Tell how a source is heard."""
    if source["protocol"] == "modbus":
        return "asked"
    return "listens" if "listen" in source else "opened"


def _server(document: Document) -> Server:
    value, folder = document.value["server"], document.file.parent
    smart = value.get("smart")
    if smart is not None and "token_file" in value:
        raise document.error(("server", "token_file"), "it is this or smart; leave one away")
    return Server(
        base=value["base"].rstrip("/"),
        smart=None if smart is None else Smart(**{**smart, **_paths(smart, folder, "key_file")}),
        **_paths(value, folder, "token_file", "ca_file"),
        **_given(value, "timeout_s"),
    )


def _desk(document: Document) -> Desk:
    value, folder = document.value["metrics"], document.file.parent
    safe = "token_file" in value and "tls" in value
    if "host" in value and not is_loopback(value["host"]) and not safe:
        message = "others can reach it, and alarms name patients: give token_file and tls"
        raise document.error(("metrics", "host"), message)
    tls = Tls(**_paths(value["tls"], folder, "certificate", "key")) if "tls" in value else None
    given = {**_given(value, "port", "host"), **_paths(value, folder, "token_file")}
    return Desk(tls=tls, **given)


def _listener(document: Document, name: str) -> Listener:
    value = document.value["sources"][name]
    host, port = _address(document, name, "listen")
    tls = value.get("tls")
    folder = document.file.parent
    return Listener(
        source=_source(document, name, value),
        host=host,
        port=port,
        tls=None if tls is None else Tls(**_paths(tls, folder, "certificate", "key", "client_ca")),
        **_spoken(value, *_OF_LISTENER),
    )


def _provider(document: Document, name: str) -> Provider:
    value = document.value["sources"][name]
    host, port = _address(document, name, "listen")
    if not is_loopback(host):
        message = "the consumer tells patients' values without encryption: listen on 127.0.0.1"
        raise document.error(("sources", name, "listen"), message)
    given = value["provider"]
    files = _paths(given, document.file.parent, "certificate", "key", "ca_file")
    if files and not given["address"].startswith("https:"):
        message = "certificate, key and ca_file are of no use without https"
        raise document.error(("sources", name, "provider", "address"), message)
    credentials = Credentials(**files) if files else None
    return Provider(name, given["address"], host, port, credentials)


def _poll(document: Document, name: str) -> Poll:
    value = document.value["sources"][name]
    return Poll(
        source=_source(document, name, value),
        line=_line(document, name, {}),
        **_given(value, "unit", "poll_s", "timeout_s"),
    )


def _line_listener(document: Document, name: str) -> LineListener:
    value = document.value["sources"][name]
    idle = {} if "serial" in value else {"idle_s": value.get("idle_s", IDLE_S)}
    return LineListener(
        source=_source(document, name, value),
        line=_line(document, name, _USUAL_LINE),
        **idle,
        **_spoken(value, "protocol", "size_limit_bytes"),
    )


def _spoken(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """Give the settings of a source that speaks unasked."""
    every_s = value.get("every_s", EVERY_S.get(value["protocol"], 0.0))
    return {**_given(value, *names), "every_s": every_s}


def _line(document: Document, name: str, defaults: dict[str, Any]) -> TcpLine | SerialLine:
    value = document.value["sources"][name]
    if "serial" not in value:
        return TcpLine(*_address(document, name, "connect"))
    given = value["serial"]
    settings = {**defaults, **_given(given, "baud", "parity", "stop_bits")}
    return SerialLine(document.file.parent / given["port"], **settings)


def _address(document: Document, name: str, key: str) -> tuple[str, int]:
    host, _, port = document.value["sources"][name][key].rpartition(":")
    if int(port) > 65535:
        raise document.error(("sources", name, key), f"port {port} is above 65535")
    return host.strip("[]"), int(port)


def _source(document: Document, name: str, value: dict[str, Any]) -> Source:
    given: dict[str, Any] = _given(value, *_OF_SOURCE)
    if "character_set" in value:
        given["character_set"] = _character_set(document, name, value["character_set"])
    if given.get("mapping", SHIPPED) != SHIPPED:
        given["mapping"] = str(document.file.parent / given["mapping"])
    if "messages" in value:
        given["messages"] = tuple(
            each if each in MESSAGES else str(document.file.parent / each)
            for each in value["messages"]
        )
    if "registers" in value and value["registers"] not in REGISTERS:
        given["registers"] = str(document.file.parent / value["registers"])
    if "lines" in value:
        given["lines"] = str(document.file.parent / value["lines"])
    if "device" in value:
        given["device"] = (value["device"]["system"], value["device"]["value"])
    if "waveform_s" in value:
        given["waveform_s"] = Decimal(str(value["waveform_s"]))
    if "zone" in value:
        given["zone"] = _zone(document, name, value["zone"])
    return Source(
        name=name,
        sentinels=frozenset(value.get("sentinels", ())),
        systems=tuple(value.get("systems", {}).items()),
        beds=tuple((device, _bed(place)) for device, place in value.get("beds", {}).items()),
        **given,
    )


def _bed(text: str) -> Location:
    """Read a place as PV1-3 has it: point of care, room, bed, facility."""
    return Location(*(part or None for part in text.split("^")))


def _character_set(document: Document, name: str, text: str) -> str:
    try:
        return codecs.lookup(text).name
    except LookupError:
        place = ("sources", name, "character_set")
        raise document.error(place, f"{text!r} is no character set; say utf-8, latin-1 …") from None


def _zone(document: Document, name: str, text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        place = ("sources", name, "zone")
        message = f"{text!r} is no time zone; say one such as Europe/Berlin"
        raise document.error(place, message) from None


def _given(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value[name] for name in names if name in value}


def _paths(value: dict[str, Any], folder: Path, *names: str) -> dict[str, Any]:
    return {name: folder / value[name] for name in names if name in value}
