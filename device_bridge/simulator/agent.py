"""A blood pressure monitor that is an agent of IEEE 11073-20601; the same seed says the same.

Spec: IEEE 11073-20601, annexes A and H; 11073-10407 (standard configuration 0x02BC)

The octets are written here by the standard's layouts, and by nothing of the manager's: what both
sides understood wrongly in the same way would otherwise pass.

    E200 AARQ   protocol 0x5079, MDER, an agent, its EUI-64, its configuration
    E700 PRST   invoke id, choice, and in it: handle, what it is, length, content
    choices     0101 report to confirm   0103 get   0201 confirmation   0203 answer to get
    E400 RLRQ, E500 RLRE, E600 ABRT

With `own_configuration` it names none of the standard's but sends its own, which has the same two
objects.
"""

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

AARE, PRST, RLRE, ABRT = 0xE300, 0xE700, 0xE500, 0xE600
CONFIRMED_REPORT, GET, CONFIRMATION, GET_RESULT = 0x0101, 0x0103, 0x0201, 0x0203
ACCEPTED, ACCEPTED_UNKNOWN_CONFIG = 0, 3
RELEASE = bytes.fromhex("e40000020000")
RELEASED = bytes.fromhex("e50000020000")

_STANDARD, _OWN = 0x02BC, 0x4000
_NOTI_CONFIG, _SCAN_REPORT_FIXED = 0x0D1C, 0x0D1D
_NO_RELATIVE_TIME, _AGENT_STARTED = 0xFFFFFFFF, 0xF000
_SYS_TYPE_SPEC_LIST, _MODEL, _SYS_ID, _CONFIG_ID = 0x0A5A, 0x0928, 0x0984, 0x0A44
_TIME_NOW = 0x0987
_TYPE, _METRIC_SPEC, _UNIT, _STRUCTURE = 0x092F, 0x0A46, 0x0996, 0x0A73
_METRICS, _VALUE_MAP = 0x0A76, 0x0A55
_STAMP, _COMPOUND, _SIMPLE = 0x0990, 0x0A75, 0x0A4C


@dataclass(frozen=True, slots=True)
class Pressures:
    """One measurement: whole mmHg and beats a minute, and when, by a clock that is right."""

    at: datetime
    systolic: int
    diastolic: int
    mean: int
    pulse: int


def pressures(seed: int, count: int, start: datetime) -> Iterator[Pressures]:
    """Make so many measurements of one monitor, a minute apart; `start` is aware."""
    # Measurements of nobody; no secret hangs on them.
    chance = random.Random(seed)  # noqa: S311
    for number in range(count):
        systolic, diastolic = chance.randint(100, 150), chance.randint(60, 90)
        mean = diastolic + (systolic - diastolic) // 3
        at = start + timedelta(minutes=number)
        yield Pressures(at, systolic, diastolic, mean, chance.randint(55, 110))


@dataclass(frozen=True, slots=True)
class Agent:
    """What the monitor says.

    Attributes:
        seed: makes its EUI-64.
        skew: how far its clock is ahead.
    """

    seed: int
    skew: timedelta = timedelta()
    own_configuration: bool = False

    @property
    def system_id(self) -> bytes:
        """Its EUI-64."""
        return struct.pack(">Q", 0x00A0390000000000 + self.seed % 2**32)

    @property
    def _configuration(self) -> int:
        return _OWN if self.own_configuration else _STANDARD

    def association(self) -> bytes:
        """Write the request to associate."""
        body = struct.pack(">IHIII", 0x80000000, 0x8000, 0x80000000, 0, 0x00800000)
        body += _octets(self.system_id) + struct.pack(">HHBB", self._configuration, 0, 1, 0)
        protocol = struct.pack(">H", 0x5079) + _octets(body + _list([]))
        return _apdu(0xE200, struct.pack(">I", 0x80000000) + _list([protocol]))

    def configuration(self, invoke: int) -> bytes:
        """Report its own configuration."""
        info = struct.pack(">H", self._configuration) + _list([_PRESSURE, _PULSE])
        return _report(invoke, _NOTI_CONFIG, info)

    def description(self, invoke: int, now: datetime) -> bytes:
        """Answer what it is, and what its clock shows."""
        attributes = _list(
            [
                _attribute(_SYS_TYPE_SPEC_LIST, _list([struct.pack(">HH", 0x1007, 1)])),
                _attribute(_MODEL, _octets(b"Simulator") + _octets(b"BP")),
                _attribute(_SYS_ID, _octets(self.system_id)),
                _attribute(_CONFIG_ID, struct.pack(">H", self._configuration)),
                _attribute(_TIME_NOW, _clock(now + self.skew)),
            ]
        )
        return _presentation(invoke, GET_RESULT, struct.pack(">H", 0) + attributes)

    def report(self, invoke: int, measured: Pressures) -> bytes:
        """Report a measurement, as the configuration lays it out; it is to be confirmed."""
        stamp = _clock(measured.at + self.skew)
        three = struct.pack(">HHHHH", 3, 6, measured.systolic, measured.diastolic, measured.mean)
        observations = [
            struct.pack(">H", 1) + _octets(three + stamp),
            struct.pack(">H", 2) + _octets(struct.pack(">H", measured.pulse) + stamp),
        ]
        info = struct.pack(">HH", _AGENT_STARTED, invoke) + _list(observations)
        return _report(invoke, _SCAN_REPORT_FIXED, info)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the manager said, as far as an agent looks at it.

    Attributes:
        kind: AARE, PRST, RLRE or ABRT.
        result: of AARE.
        invoke, choice: of PRST.
    """

    kind: int
    result: int = 0
    invoke: int = 0
    choice: int = 0


def heard(apdu: bytes) -> Heard:
    """Read one APDU of the manager. Raises struct.error where it is too short."""
    (kind,) = struct.unpack_from(">H", apdu)
    if kind == AARE:
        return Heard(kind, result=struct.unpack_from(">H", apdu, 4)[0])
    if kind == PRST:
        invoke, choice = struct.unpack_from(">HH", apdu, 6)
        return Heard(kind, invoke=invoke, choice=choice)
    return Heard(kind)


def _octets(content: bytes) -> bytes:
    return struct.pack(">H", len(content)) + content


def _list(items: list[bytes]) -> bytes:
    return struct.pack(">H", len(items)) + _octets(b"".join(items))


def _attribute(number: int, value: bytes) -> bytes:
    return struct.pack(">H", number) + _octets(value)


def _apdu(kind: int, content: bytes) -> bytes:
    return struct.pack(">H", kind) + _octets(content)


def _presentation(invoke: int, choice: int, content: bytes) -> bytes:
    return _apdu(PRST, _octets(struct.pack(">HH", invoke, choice) + _octets(content)))


def _report(invoke: int, kind: int, info: bytes) -> bytes:
    head = struct.pack(">HIH", 0, _NO_RELATIVE_TIME, kind)
    return _presentation(invoke, CONFIRMED_REPORT, head + _octets(info))


def _clock(at: datetime) -> bytes:
    """Write an absolute time: two decimal digits an octet, the last for hundredths."""
    return bytes.fromhex(f"{at:%Y%m%d%H%M%S}00")


def _object(kind: int, handle: int, attributes: list[bytes]) -> bytes:
    return struct.pack(">HH", kind, handle) + _list(attributes)


def _number(code: int, unit: int, value: int, size: int) -> list[bytes]:
    """Give what both objects have: what it is, its unit, and how its reports are laid out."""
    layout = _list([struct.pack(">HH", value, size), struct.pack(">HH", _STAMP, 8)])
    return [
        _attribute(_TYPE, struct.pack(">HH", 2, code)),
        _attribute(_METRIC_SPEC, struct.pack(">H", 0xF040)),
        _attribute(_UNIT, struct.pack(">H", unit)),
        _attribute(_VALUE_MAP, layout),
    ]


_METRIC_IDS = _list([struct.pack(">H", code) for code in (18949, 18950, 18951)])
_PRESSURE = _object(
    0x0006,
    1,
    [
        *_number(18948, 3872, _COMPOUND, 10),
        _attribute(_STRUCTURE, struct.pack(">BB", 3, 3)),
        _attribute(_METRICS, _METRIC_IDS),
    ],
)
_PULSE = _object(0x0006, 2, _number(18474, 2720, _SIMPLE, 2))
