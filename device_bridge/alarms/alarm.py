"""What an alarm is, and what one message, one reading or one silence says of it.

    Report   said once, with the key by which what is said of one alarm belongs together
    Alarm    what has been said of it so far, and what people and the bridge did about it

They are kept as JSON in the journal: what is added later needs a default.

Spec: IHE Devices Technical Framework volume 1, ACM, and volume 2, PCD-04
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from fhirserver_device_bridge.reading import Coding, Identifier, Level, Location

Kind = Literal["device", "silence", "critical"]
"""A device raised it; a device is silent; a reading is beyond a critical limit."""

Priority = Literal["high", "medium", "low", "none"]
PRIORITIES: tuple[Priority, ...] = ("none", "low", "medium", "high")
"""From the least to the most urgent."""

Phase = Literal["start", "point", "update", "end"]
"""`point` is an event without duration; `update` whatever is said between start and end."""

What = Literal["started", "changed", "ended", "acknowledged", "told"]
"""What happened to an alarm: to the condition, or about it."""


class Evidence(Struct, frozen=True, omit_defaults=True):
    """What was measured when the alarm was raised.

    Attributes:
        codes: the metric, as in `Reading`.
        text: the value with its unit as sent, e.g. "84 MDC_DIM_PERCENT".
        range: alarm limits of the device, as sent.
        observation: identifies the Observation in the server.
    """

    codes: tuple[Coding, ...]
    text: str = ""
    range: str | None = None
    observation: Identifier | None = None


class Condition(Struct, frozen=True, omit_defaults=True):
    """What is wrong, on whom, and what says so.

    Attributes:
        codes: what is wrong; empty where only `text` says it.
        text: in words.
        priority: of the device, or of the configuration; None where the device does not tell.
        type: as sent: SP physiological, ST technical, SA advisory.
        state: as sent: active, latched, inactive.
        inactivation: as sent, e.g. enabled, audio-paused.
        path: the devices, the outermost first.
        patient, location, specimen: as sent.
        limit: name of the critical limit, and `reference` where it comes from.
    """

    codes: tuple[Coding, ...] = ()
    text: str = ""
    priority: Priority | None = None
    type: str | None = None
    state: str | None = None
    inactivation: tuple[str, ...] = ()
    path: tuple[Level, ...] = ()
    patient: tuple[Identifier, ...] = ()
    location: Location | None = None
    specimen: Identifier | None = None
    evidence: Evidence | None = None
    limit: str | None = None
    reference: str | None = None


class Report(Struct, frozen=True):
    """What is said of one alarm at one time.

    Attributes:
        key: the same in all that is said of one alarm of a source.
        said_us: when it was said, by the clock of who said it, in microseconds since 1970.
        at: when it happened, a FHIR dateTime.
    """

    key: str
    kind: Kind
    phase: Phase
    said_us: int
    at: str
    condition: Condition


class Told(Struct, frozen=True):
    """A channel that took the news of an alarm, and when (aware)."""

    channel: str
    at: datetime


class Alarm(Struct, frozen=True, omit_defaults=True):
    """One alarm.

    Attributes:
        id: 64 hexadecimal digits; by it whoever is told twice knows that it is the same.
        key, said_us: of the last report that counted.
        entry: number of the message in the journal that raised it; 0 where none did.
        started, ended: FHIR dateTimes; None for what nobody said, or not yet.
        changed: when the bridge last learned of it, aware; never goes back.
        acknowledged, acknowledged_by: when somebody took it over, and who.
        told: channels that took the news of its start.
    """

    id: str
    source: str
    key: str
    kind: Kind
    said_us: int
    entry: int
    changed: datetime
    condition: Condition
    started: str | None = None
    ended: str | None = None
    acknowledged: datetime | None = None
    acknowledged_by: str | None = None
    told: tuple[Told, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether its condition still holds, as far as anyone has said."""
        return self.ended is None


def is_urgent(priority: Priority | None, least: Priority) -> bool:
    """Tell whether a priority is at least this one; one that nobody told might be."""
    return priority is None or PRIORITIES.index(priority) >= PRIORITIES.index(least)
