"""Identifiers that are the same whenever the same is said: what makes a replay harmless.

    Device        the sender's own identifier; a level without one: parent and number
    DeviceMetric  device, handle and code
    clock         device, kind of clock, what it showed, when and by whose clock
    Observation   source, device, handle, code, device time, duration, supplemental types, specimen;
                  without a time of the device's own also the number of the message in the journal

The value is no part of it: so a correction finds what it corrects.

What the bridge makes up itself is a SHA-256 in a system of its own
(`urn:fhirserver:device-bridge:…`).
"""

import hashlib
import re
import uuid
from functools import lru_cache
from urllib.parse import quote

from fhirserver_device_bridge.mapping.grouping import Measurement
from fhirserver_device_bridge.reading import (
    EUI64,
    ClockReading,
    Coding,
    Identifier,
    Level,
    Moment,
    Reading,
    is_uri,
)

SYSTEM = "urn:fhirserver:device-bridge"
_HEX16 = re.compile(r"[0-9A-F]{16}")
_REMEMBERED = 10_000
"""Devices are the same in every message."""

_ESCAPED = re.compile(r"([\\$,|])")


def uri(name: str, source: str) -> str:
    """Give a system's name as a URI; a name of the sender's own becomes one within its source.

    Args:
        name: as sent, e.g. "99MNDRY"; a URI stays as it is, "" becomes the source's own.
        source: name of the source.
    """
    if is_uri(name):
        return name
    return ":".join((SYSTEM, "source", quote(source, safe=""), quote(name, safe=""))).rstrip(":")


def business(identifier: Identifier, source: str) -> Identifier:
    """Give a sender's identifier with a URI as its system, an EUI-64 in FHIR's writing."""
    value = identifier.value
    if identifier.system == EUI64:
        value = _eui64(value)
    return Identifier(uri(identifier.system, source), value, identifier.type)


def _eui64(value: str) -> str:
    digits = re.sub(r"[-:. ]", "", value).upper()
    return "-".join(re.findall("..", digits)) if _HEX16.fullmatch(digits) else value


@lru_cache(_REMEMBERED)
def device(path: tuple[Level, ...], source: str) -> Identifier:
    """Give the identifier by which the innermost device of a path is found."""
    innermost = path[-1]
    if innermost.identifiers:
        return business(innermost.identifiers[0], source)
    outer = _token(device(path[:-1], source)) if len(path) > 1 else source
    return _own("device", outer, innermost.kind, innermost.number)


def metric(reading: Reading) -> Identifier:
    """Give the identifier of a DeviceMetric."""
    return _metric(reading.path, reading.source, reading.handle, reading.codes[0])


@lru_cache(_REMEMBERED)
def _metric(path: tuple[Level, ...], source: str, handle: str, code: Coding) -> Identifier:
    return _own("metric", _device_token(path, source), handle, _code(code))


@lru_cache(_REMEMBERED)
def _device_token(path: tuple[Level, ...], source: str) -> str:
    """Give the innermost device as "system|value"; the source where there is none."""
    return _token(device(path, source)) if path else source


def gateway(clock: ClockReading, source: str) -> Identifier:
    """Give the identifier of who read a clock: the sender, else the bridge for this source."""
    if clock.reader is not None:
        return business(clock.reader, source)
    return Identifier(f"{SYSTEM}:source", source)


@lru_cache(_REMEMBERED)
def clock_reading(clock: ClockReading, path: tuple[Level, ...], source: str) -> Identifier:
    """Give the identifier of the Observation of a clock, of the outermost device of a path."""
    shown = clock.shown.text if isinstance(clock.shown, Moment) else str(clock.shown or "")
    return _own(
        "clock",
        _device_token(path[:1], source),
        _code(clock.kind),
        shown,
        clock.at.text if clock.at else "",
        _token(gateway(clock, source)),
    )


def observation(measurement: Measurement) -> Identifier:
    """Give the identifier of an Observation."""
    first = measurement.parts[0]
    handle = ".".join(level.number for level in first.path) if measurement.panel else first.handle
    own_time = first.time is not None and not first.timed_by_message
    return _own(
        "observation",
        first.source,
        _device_token(first.path, first.source),
        handle,
        _code(measurement.panel or first.codes[0]),
        first.device_time or (first.time.text if first.time else ""),
        str(first.duration_s or ""),
        *sorted(_code(code) for code in first.supplemental),
        *([_token(first.specimen)] if first.specimen else []),
        *([] if own_time else [str(first.sequence)]),
    )


def digest(*parts: str) -> str:
    """Give 64 hexadecimal digits for a list of texts; another division of them gives others."""
    told = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


@lru_cache(_REMEMBERED)
def full_url(identifier: Identifier, kind: str = "") -> str:
    """Give the fullUrl under which a Bundle's entry is referred to.

    Args:
        identifier: by which the resource is found.
        kind: its type, where resources of several types may have one number.
    """
    token = f"{kind}?{_token(identifier)}" if kind else _token(identifier)
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, token)}"


def condition(identifier: Identifier) -> str:
    """Give the search for an identifier, e.g. "identifier=urn:oid:1.2|00-A0"."""
    return f"identifier={_value(identifier.system)}|{_value(identifier.value)}"


def _value(text: str) -> str:
    """Escape for a token's value, then for a query."""
    return quote(_ESCAPED.sub(r"\\\1", text), safe=":/.-_")


def _own(kind: str, *parts: str) -> Identifier:
    return Identifier(f"{SYSTEM}:{kind}", digest(*parts))


def _token(identifier: Identifier) -> str:
    return f"{identifier.system}|{identifier.value}"


def _code(coding: Coding) -> str:
    return f"{coding.system}|{coding.code}"
