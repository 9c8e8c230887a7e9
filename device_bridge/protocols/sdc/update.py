"""One report of metrics, as the consumer tells the bridge: a line of JSON.

    {"device": "urn:uuid:8f9c…", "received": "2026-05-04T10:00:00.250Z",
     "model": "M1", "manufacturer": "Example", "serial_number": "S-1",
     "patient": [{"system": "urn:oid:1.2.3", "value": "12345"}],
     "location": {"point_of_care": "ICU", "room": "2", "bed": "B1"},
     "metrics": [{"handle": "sat", "code": {"code": "150456"}, "number": "98.5",
                  "unit": {"code": "262688"}, "determined": "2026-05-04T10:00:00.100Z",
                  "path": [{"kind": "mds", "handle": "mds0", "code": {"code": "69965"},
                            "identifier": "urn:uuid:8f9c…"},
                           {"kind": "vmd", "handle": "vmd0"}]}]}

Spec: IEEE 11073-10207, 5.4 (states of metrics), 5.3 (contexts). A line stands by itself: what it
takes to understand the values is in it. The journal keeps it after `MAGIC`.
"""

from datetime import datetime
from typing import Literal

import msgspec

from fhirserver_device_bridge.moments import is_within_reason
from fhirserver_device_bridge.protocols.sdc.errors import SdcError

MAGIC = b"sdc\x00\x01"

Validity = Literal["Vld", "Vldated", "Ong", "Qst", "Calib", "Inv", "Oflw", "Uflw", "NA"]
Mode = Literal["Real", "Demo", "Test"]


class _Part(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True
):
    """A part of a line."""


class Code(_Part, frozen=True):
    """A coded value; `system` is empty for the default one, IEEE 11073-10101."""

    code: str
    system: str = ""
    name: str | None = None


class Component(_Part, frozen=True):
    """One device around a metric; `identifier` is a URI that is its own everywhere."""

    kind: Literal["mds", "vmd", "channel"]
    handle: str
    code: Code | None = None
    identifier: str | None = None


class Metric(_Part, frozen=True):
    """The state of one metric: a number, a text or a concept, or none of them.

    Attributes:
        path: the outermost device first.
        determined: when the value was, by the device's clock; None where it does not say.
    """

    handle: str
    code: Code
    path: tuple[Component, ...]
    number: str | None = None
    text: str | None = None
    concept: Code | None = None
    unit: Code | None = None
    determined: datetime | None = None
    validity: Validity = "Vld"
    mode: Mode = "Real"


class Person(_Part, frozen=True):
    """An identifier of the patient; `system` is a URI, or empty."""

    value: str
    system: str = ""


class Place(_Part, frozen=True):
    """Where the device is."""

    point_of_care: str | None = None
    room: str | None = None
    bed: str | None = None
    facility: str | None = None


class Update(_Part, frozen=True):
    """The line; `received` is when the consumer had it, aware."""

    device: str
    received: datetime
    metrics: tuple[Metric, ...]
    model: str | None = None
    manufacturer: str | None = None
    serial_number: str | None = None
    patient: tuple[Person, ...] = ()
    location: Place | None = None


_ENCODER = msgspec.json.Encoder()
_DECODER = msgspec.json.Decoder(Update)


def write(update: Update) -> bytes:
    """Write a line, without its end."""
    return _ENCODER.encode(update)


def read(raw: bytes) -> Update:
    """Read a line, as the journal keeps it.

    Raises:
        SdcError: it is no update.
    """
    try:
        update = _DECODER.decode(raw.removeprefix(MAGIC))
    except msgspec.ValidationError as error:
        raise SdcError(f"the line is no update: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise SdcError("the line is no JSON") from None
    times = (update.received, *(each.determined or update.received for each in update.metrics))
    if not all(map(is_within_reason, times)):
        raise SdcError("'received' and 'determined' must be times since 2000 with their offset")
    if not all(each.code.code and each.path for each in update.metrics):
        raise SdcError("each of 'metrics' needs a code, and the device that it is of in 'path'")
    return update
