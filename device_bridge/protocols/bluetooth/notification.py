"""One value of a characteristic as a gateway tells it: a line of JSON.

    {"device": "00:1C:05:FF:E8:74", "service": "1810", "characteristic": "2A35",
     "value": "1E8A005800…", "received": "2026-05-04T10:00:00.250Z",
     "known": [{"characteristic": "2A24", "value": "4D37", "received": "2026-05-04T09:59:58Z"}]}

device          the address that stays with it (its identity address, never a resolvable one)
service,
characteristic  as assigned by Bluetooth SIG: four digits, or the UUID of 128 bits
value           octets in hexadecimal digits
received        when the gateway had it, with an offset
known           what it read of the device beside: who it is, its clock, and for a context of a
                glucose measurement the measurement

A line stands by itself: it can be read again years later. The journal keeps it after `MAGIC`.
"""

import re
from collections.abc import Callable
from datetime import datetime

import msgspec

from fhirserver_device_bridge.moments import is_within_reason
from fhirserver_device_bridge.protocols.bluetooth.characteristics import CHARACTERISTICS
from fhirserver_device_bridge.protocols.bluetooth.errors import BluetoothError
from fhirserver_device_bridge.protocols.bluetooth.meanings import Characteristic

MAGIC = b"bluetooth\x00\x01"

_ADDRESS = re.compile(r"[0-9A-Fa-f]{2}([:-][0-9A-Fa-f]{2}){5}")
_ASSIGNED = re.compile(
    r"(?:0000)?([0-9A-Fa-f]{4})(?:-0000-1000-8000-00805[Ff]9[Bb]34[Ff][Bb])?", re.ASCII
)
_KNOWN_LIMIT = 64


class Known(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value that was read; attributes as above."""

    characteristic: str
    value: str
    received: datetime


class Notification(Known, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A value that is to be charted."""

    device: str
    service: str
    known: tuple[Known, ...] = ()


_DECODER = msgspec.json.Decoder(Notification)


def read(raw: bytes) -> Notification:
    """Read a line, as the journal keeps it.

    Raises:
        BluetoothError: it is no notification, or of a characteristic that nobody reads.
    """
    try:
        notification = _DECODER.decode(raw.removeprefix(MAGIC))
    except msgspec.ValidationError as error:
        raise BluetoothError(f"the line is no notification: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise BluetoothError("the line is no JSON") from None
    _check(notification)
    return notification


def _check(notification: Notification) -> None:
    if not _ADDRESS.fullmatch(notification.device):
        raise BluetoothError("'device' is no address, such as 00:1C:05:FF:E8:74")
    if len(notification.known) > _KNOWN_LIMIT:
        raise BluetoothError(f"'known' has more than {_KNOWN_LIMIT} values")
    of = characteristic(notification)
    if assigned(notification.service) != of.service:
        raise BluetoothError(f"'service' must be {of.service:04X}, whose characteristic it is")
    for each in (notification, *notification.known):
        octets(each)
        if not is_within_reason(each.received):
            raise BluetoothError("'received' must be a time since 2000 with its offset, such as Z")


def characteristic(notification: Notification) -> Characteristic:
    """Give the characteristic. Raises BluetoothError for one that nobody reads."""
    number = assigned(notification.characteristic)
    known = CHARACTERISTICS.get(number) if number is not None else None
    if known is None:
        raise BluetoothError(
            "'characteristic' is none that becomes readings: "
            + ", ".join(f"{each:04X}" for each in CHARACTERISTICS)
        )
    return known


def assigned(text: str) -> int | None:
    """Give the number that Bluetooth SIG assigned; None for any other UUID."""
    found = _ASSIGNED.fullmatch(text)
    return int(found[1], 16) if found else None


def octets(known: Known) -> bytes:
    """Give the octets of a value. Raises BluetoothError where they are none."""
    try:
        return bytes.fromhex(known.value)
    except ValueError:
        raise BluetoothError("'value' must be hexadecimal digits, two for each octet") from None


def newest(notification: Notification, number: int) -> Known | None:
    """Give what was read last of a characteristic, among what is known beside."""
    return newest_that(notification, number, lambda _: True)


def newest_that(
    notification: Notification, number: int, fits: Callable[[Known], bool]
) -> Known | None:
    """Give what was read last of a characteristic and fits."""
    read_ = (each for each in notification.known if assigned(each.characteristic) == number)
    return max(filter(fits, read_), key=lambda each: each.received, default=None)
