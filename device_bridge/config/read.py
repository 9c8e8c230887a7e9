"""Read the configuration: every fault is said with its line, before a port is opened."""

import codecs
import json
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fhirserver_device_bridge.config.document import ConfigError, Document, parse
from fhirserver_device_bridge.config.settings import (
    Bridge,
    Delivery,
    JournalSettings,
    Listener,
    Server,
    Tls,
)
from fhirserver_device_bridge.reading import Source

_OF_SOURCE = ("mapping", "acknowledgement")
_OF_LISTENER = ("protocol", "size_limit_bytes", "connection_limit", "idle_s")


def read_config(file: Path) -> Bridge:
    """Read a configuration file; relative paths in it start at its folder.

    Raises:
        ConfigError: it cannot be read or used.
    """
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise ConfigError(file, None, f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(file, None, "is not UTF-8; save it as UTF-8") from None
    document = parse(file, text)
    _check(document)
    return _bridge(document)


def _check(document: Document) -> None:
    """Hold a document against the schema; the fault nearest to the file's start is told."""
    # It takes a second to import, and only this needs it.
    from jsonschema import Draft202012Validator

    schema = json.loads(files(__package__).joinpath("bridge.schema.json").read_bytes())
    faults = [
        document.error(_place(fault), fault.message)
        for fault in sorted(
            Draft202012Validator(schema).iter_errors(document.value),
            key=lambda fault: document.line(_place(fault)) or 0,
        )
    ]
    if faults:
        raise faults[0]


def _place(fault: Any) -> tuple[str | int, ...]:
    """Give the path of what is wrong: for a key that must not be there, of that key."""
    path = tuple(fault.absolute_path)
    if fault.validator == "additionalProperties" and isinstance(fault.instance, dict):
        known = fault.schema.get("properties", {})
        return (*path, next(key for key in fault.instance if key not in known))
    if fault.validator == "propertyNames" or "propertyNames" in fault.absolute_schema_path:
        return (*path, fault.instance)
    return path


def _bridge(document: Document) -> Bridge:
    value, folder = document.value, document.file.parent
    server = value["server"]
    return Bridge(
        server=Server(
            base=server["base"].rstrip("/"),
            **_paths(server, folder, "token_file", "ca_file"),
            **_given(server, "timeout_s"),
        ),
        journal=JournalSettings(
            folder=folder / value["journal"]["folder"],
            **_given(value["journal"], "retention_days", "minimum_free_bytes", "backlog_limit"),
        ),
        delivery=Delivery(**value.get("delivery", {})),
        metrics_port=value.get("metrics", {}).get("port"),
        listeners=tuple(_listener(document, name) for name in value["sources"]),
    )


def _listener(document: Document, name: str) -> Listener:
    value = document.value["sources"][name]
    host, _, port = value["listen"].rpartition(":")
    if int(port) > 65535:
        raise document.error(("sources", name, "listen"), f"port {port} is above 65535")
    tls = value.get("tls")
    folder = document.file.parent
    return Listener(
        source=_source(document, name, value),
        host=host.strip("[]"),
        port=int(port),
        tls=None if tls is None else Tls(**_paths(tls, folder, "certificate", "key", "client_ca")),
        **_given(value, *_OF_LISTENER),
    )


def _source(document: Document, name: str, value: dict[str, Any]) -> Source:
    given: dict[str, Any] = _given(value, *_OF_SOURCE)
    if "character_set" in value:
        given["character_set"] = _character_set(document, name, value["character_set"])
    if "zone" in value:
        given["zone"] = _zone(document, name, value["zone"])
    return Source(
        name=name,
        sentinels=frozenset(value.get("sentinels", ())),
        systems=tuple(value.get("systems", {}).items()),
        **given,
    )


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
