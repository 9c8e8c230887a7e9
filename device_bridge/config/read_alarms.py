"""Read what the configuration says of alarms; what a schema cannot say is checked here."""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fhirserver_terminology import ucum

from fhirserver_device_bridge.config.alarm_settings import (
    Alarms,
    Channel,
    EscalationStep,
    Limit,
)
from fhirserver_device_bridge.config.document import Document

_DAYS = {"d": 1.0, "wk": 7.0, "mo": 30.4375, "a": 365.25}
"""Units of age, of UCUM, in days."""

_AGE = re.compile(r"(\d+) ?(d|wk|mo|a)")
_Fault = tuple[tuple[str | int, ...], str]


def read_alarms(document: Document) -> Alarms:
    """Read `alarms`.

    Raises:
        ConfigError: what it says cannot be used.
    """
    value = document.value.get("alarms", {})
    for place, message in _faults(value, document.value["sources"]):
        raise document.error(("alarms", *place), message)
    folder = document.file.parent
    return Alarms(
        limits=tuple(_limit(each) for each in value.get("limits", ())),
        channels=tuple(
            _channel(name, each, folder) for name, each in value.get("channels", {}).items()
        ),
        escalation=tuple(
            EscalationStep(**{**each, "channels": tuple(each["channels"])})
            for each in value.get("escalation", ())
        ),
    )


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _limit(value: dict[str, Any]) -> Limit:
    given = dict(value)
    for name in ("low", "high"):
        if name in given:
            given[name] = Decimal(given[name])
    for name in ("from_age", "to_age"):
        if name in given:
            given[f"{name}_days"] = _days(given.pop(name))
    return Limit(**{**given, "sources": frozenset(given.get("sources", ()))})


def _days(text: str) -> float:
    number, unit = re.fullmatch(_AGE, text).groups()  # type: ignore[union-attr] # the schema's form
    return int(number) * _DAYS[unit]


def _channel(name: str, value: dict[str, Any], folder: Path) -> Channel:
    paths: dict[str, Path] = {
        key: folder / value[key] for key in ("secret_file", "ca_file") if key in value
    }
    return Channel(name=name, **{**value, **paths})


def _faults(value: dict[str, Any], sources: Iterable[str]) -> Iterator[_Fault]:
    yield from _faults_of_limits(value.get("limits", ()), set(sources))
    channels = value.get("channels", {})
    for name, each in channels.items():
        address = urlsplit(each["webhook"])
        if address.scheme == "http" and not is_loopback(address.hostname or ""):
            message = "alarms name patients: https, or http to this machine only"
            yield ("channels", name, "webhook"), message
    for number, step in enumerate(value.get("escalation", ())):
        for unknown in sorted(set(step["channels"]) - set(channels)):
            message = f"there is no channel {unknown!r}; add it to alarms.channels"
            yield ("escalation", number, "channels"), message


def _faults_of_limits(limits: Iterable[dict[str, Any]], sources: set[str]) -> Iterator[_Fault]:
    names: set[str] = set()
    for number, each in enumerate(limits):
        if each["name"] in names:
            yield ("limits", number, "name"), f"{each['name']!r} is there already; name it anew"
        names.add(each["name"])
        if not ucum.validate(each["unit"]):
            yield ("limits", number, "unit"), f"{each['unit']!r} is no unit of UCUM"
        if Decimal(each.get("low", "-Infinity")) >= Decimal(each.get("high", "Infinity")):
            yield ("limits", number, "high"), "it must be above low"
        if _days(each.get("from_age", "0 d")) >= _days(each.get("to_age", "999 a")):
            yield ("limits", number, "to_age"), "it must be above from_age"
        for unknown in sorted(set(each.get("sources", ())) - sources):
            yield ("limits", number, "sources"), f"there is no source {unknown!r}"
