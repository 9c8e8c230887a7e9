"""What goes over the wire: association APDUs and, once associated, data APDUs.

Spec: IEEE 11073-20601, annex A.8 to A.10

    E200 AARQ  association request      E300 AARE  its answer
    E400 RLRQ  release request          E500 RLRE  its answer
    E600 ABRT  abort                    E700 PRST  presentation: one data APDU

    data APDU  invoke-id, then one of   0100 0101  event report, unconfirmed and confirmed
    0103  get                           0104 0105  set, unconfirmed and confirmed
    0106 0107  action                   0201 0203 0205 0207  results of the confirmed ones
    0300  error                         0400  reject

Every APDU is a choice: tag and length in four octets, so a stream of them needs no other framing.
"""

from dataclasses import dataclass
from typing import Any

from fhirserver_device_bridge.protocols.x20601.mder import (
    OCTETS,
    U8,
    U16,
    U32,
    Codec,
    Cursor,
    MderError,
    choice,
    inside,
    record,
    sequence_of,
)

HEADER_SIZE = 4
PROTOCOL_20601 = 0x5079
ASSOCIATION_VERSION_1 = 0x80000000
PROTOCOL_VERSION_1 = 0x80000000
PROTOCOL_VERSIONS = 0xE0000000
"""Versions 1 to 3: the data APDUs of all are alike."""
MDER_RULES = 0x8000
NOMENCLATURE_VERSION_1 = 0x80000000
SYSTEM_TYPE_MANAGER = 0x80000000

ACCEPTED, REJECTED_PERMANENT, REJECTED_TRANSIENT, ACCEPTED_UNKNOWN_CONFIG = 0, 1, 2, 3
REJECTED_NO_COMMON_PROTOCOL, REJECTED_NO_COMMON_PARAMETER = 4, 5
REJECTED_UNKNOWN, REJECTED_UNAUTHORIZED, REJECTED_ASSOCIATION_VERSION = 6, 7, 8

ABORT_UNDEFINED, ABORT_BUFFER_OVERFLOW = 0, 1
ABORT_RESPONSE_TIMEOUT, ABORT_CONFIGURATION_TIMEOUT = 2, 3

NO_SUCH_OBJECT_INSTANCE, NO_SUCH_ACTION, PROTOCOL_VIOLATION, NOT_ALLOWED_BY_OBJECT = 1, 9, 23, 24
UNRECOGNIZED_APDU, BADLY_STRUCTURED_APDU, UNRECOGNIZED_OPERATION = 0, 2, 101


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute of an object, its value not yet understood (see `attributes`)."""

    id: int
    value: bytes


ATTRIBUTES = sequence_of(record(Attribute, id=U16, value=OCTETS))


@dataclass(frozen=True, slots=True)
class Association:
    """What a side says of itself when it associates (PhdAssociationInformation).

    Attributes:
        system_id: EUI-64, 8 octets.
        config_id: 0x0001-0x3FFF a standard configuration, 0x4000-0x7FFF the agent's own; 0
            of a manager.
        agent_starts, manager_starts: how many data requests each side may have running.
    """

    protocol_version: int
    encoding_rules: int
    nomenclature_version: int
    functional_units: int
    system_type: int
    system_id: bytes
    config_id: int
    request_modes: int
    agent_starts: int
    manager_starts: int
    options: tuple[Attribute, ...] = ()


ASSOCIATION: Codec[Association] = record(
    Association,
    protocol_version=U32,
    encoding_rules=U16,
    nomenclature_version=U32,
    functional_units=U32,
    system_type=U32,
    system_id=OCTETS,
    config_id=U16,
    request_modes=U16,
    agent_starts=U8,
    manager_starts=U8,
    options=ATTRIBUTES,
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """A data protocol on offer; `info` is an `ASSOCIATION` where `id` is `PROTOCOL_20601`."""

    id: int
    info: bytes


_PROTOCOL = record(Protocol, id=U16, info=OCTETS)


@dataclass(frozen=True, slots=True)
class AssociationRequest:
    """AARQ."""

    version: int
    protocols: tuple[Protocol, ...]


@dataclass(frozen=True, slots=True)
class AssociationResponse:
    """AARE."""

    result: int
    protocol: Protocol


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """RLRQ; reason 0 is normal, 1 no more configurations, 2 the configuration changed."""

    reason: int


@dataclass(frozen=True, slots=True)
class ReleaseResponse:
    """RLRE."""

    reason: int


@dataclass(frozen=True, slots=True)
class Abort:
    """ABRT."""

    reason: int


@dataclass(frozen=True, slots=True)
class EventReport:
    """An event of an object; `time` in 1/8 ms, 0xFFFFFFFF where the agent has no such clock."""

    handle: int
    time: int
    type: int
    info: bytes


class ConfirmedEventReport(EventReport):
    """An event that the other side waits to see confirmed."""


@dataclass(frozen=True, slots=True)
class EventReportResult:
    """The confirmation of an event."""

    handle: int
    time: int
    type: int
    info: bytes


@dataclass(frozen=True, slots=True)
class Get:
    """A request for attributes; none named means all."""

    handle: int
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GetResult:
    """Attributes of an object."""

    handle: int
    attributes: tuple[Attribute, ...]


@dataclass(frozen=True, slots=True)
class Modification:
    """One change of a set: operator 0 replaces, 1 adds, 2 removes, 3 sets to default."""

    operator: int
    attribute: Attribute


@dataclass(frozen=True, slots=True)
class Set:
    """Changes of an object's attributes."""

    handle: int
    modifications: tuple[Modification, ...]


class ConfirmedSet(Set):
    """Changes that are answered."""


class SetResult(GetResult):
    """Attributes after a set."""


@dataclass(frozen=True, slots=True)
class Action:
    """An action on an object."""

    handle: int
    type: int
    info: bytes


class ConfirmedAction(Action):
    """An action that is answered."""


class ActionResult(Action):
    """What came of an action."""


@dataclass(frozen=True, slots=True)
class Error:
    """The invocation was understood and failed."""

    value: int
    parameter: bytes = b""


@dataclass(frozen=True, slots=True)
class Reject:
    """The invocation was not understood."""

    problem: int


@dataclass(frozen=True, slots=True)
class Data:
    """PRST: one data APDU; `invoke_id` pairs a request with its answer."""

    invoke_id: int
    message: Any


_REPORT: dict[str, Codec[Any]] = {"handle": U16, "time": U32, "type": U16, "info": OCTETS}
_ACTION: dict[str, Codec[Any]] = {"handle": U16, "type": U16, "info": OCTETS}
_ATTRIBUTES: dict[str, Codec[Any]] = {"handle": U16, "attributes": ATTRIBUTES}
_CHANGES: dict[str, Codec[Any]] = {
    "handle": U16,
    "modifications": sequence_of(
        record(Modification, operator=U16, attribute=record(Attribute, id=U16, value=OCTETS))
    ),
}
_MESSAGE = choice(
    "a data APDU",
    {
        0x0100: (EventReport, record(EventReport, **_REPORT)),
        0x0101: (ConfirmedEventReport, record(ConfirmedEventReport, **_REPORT)),
        0x0103: (Get, record(Get, handle=U16, ids=sequence_of(U16))),
        0x0104: (Set, record(Set, **_CHANGES)),
        0x0105: (ConfirmedSet, record(ConfirmedSet, **_CHANGES)),
        0x0106: (Action, record(Action, **_ACTION)),
        0x0107: (ConfirmedAction, record(ConfirmedAction, **_ACTION)),
        0x0201: (EventReportResult, record(EventReportResult, **_REPORT)),
        0x0203: (GetResult, record(GetResult, **_ATTRIBUTES)),
        0x0205: (SetResult, record(SetResult, **_ATTRIBUTES)),
        0x0207: (ActionResult, record(ActionResult, **_ACTION)),
        0x0300: (Error, record(Error, value=U16, parameter=OCTETS)),
        0x0400: (Reject, record(Reject, problem=U16)),
    },
)
_APDU = choice(
    "an APDU",
    {
        0xE200: (
            AssociationRequest,
            record(AssociationRequest, version=U32, protocols=sequence_of(_PROTOCOL)),
        ),
        0xE300: (AssociationResponse, record(AssociationResponse, result=U16, protocol=_PROTOCOL)),
        0xE400: (ReleaseRequest, record(ReleaseRequest, reason=U16)),
        0xE500: (ReleaseResponse, record(ReleaseResponse, reason=U16)),
        0xE600: (Abort, record(Abort, reason=U16)),
        0xE700: (Data, inside(record(Data, invoke_id=U16, message=_MESSAGE))),
    },
)

Apdu = AssociationRequest | AssociationResponse | ReleaseRequest | ReleaseResponse | Abort | Data


def decode(raw: bytes) -> Apdu:
    """Read one APDU that takes all of `raw`. Pure.

    Raises:
        MderError: not an APDU, or one whose lengths disagree.
    """
    apdu: Apdu = _APDU.decode(raw)
    return apdu


def encode(apdu: Apdu) -> bytes:
    """Write an APDU. Pure; `decode` gives it back."""
    return _APDU.write(apdu)


def size_of(header: bytes) -> int:
    """The size of an APDU in octets by its first four, the header included.

    Raises:
        MderError: its tag is no APDU's: the stream cannot be followed any more.
    """
    cursor = Cursor(header)
    tag = U16.read(cursor)
    if not 0xE200 <= tag <= 0xE700 or tag & 0xFF:
        raise MderError(0, f"{tag:#06x} starts no APDU")
    return HEADER_SIZE + U16.read(cursor)


def association_of(protocol: Protocol) -> Association:
    """Read what a side says of itself.

    Raises:
        MderError: of another protocol, or badly structured.
    """
    if protocol.id != PROTOCOL_20601:
        raise MderError(0, f"protocol {protocol.id:#06x} is not 20601 ({PROTOCOL_20601:#06x})")
    return ASSOCIATION.decode(protocol.info)
