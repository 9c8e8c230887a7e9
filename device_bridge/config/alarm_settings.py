"""What the configuration says of alarms: critical limits, channels, and who is told when.

Defaults stand here and nowhere else; docs/alarms.md names each.
"""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from fhirserver_device_bridge.alarms.alarm import Priority


@dataclass(frozen=True, slots=True)
class Limit:
    """When a reading is critical.

    Attributes:
        name: tells limits apart; stands in alarms.
        code: of `system`.
        unit: of UCUM, of `low` and `high`.
        reference: where the limit comes from; stands in alarms.
        system: URI of the code system; "" for MDC, and for codes that the mapping takes for its.
        low, high: beyond which a reading is critical; at least one is given.
        from_age_days, to_age_days: of the patient, from the first up to but not the second.
        sources: names of the sources that it is for; empty for all.
    """

    name: str
    code: str
    unit: str
    reference: str
    system: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    from_age_days: float | None = None
    to_age_days: float | None = None
    priority: Priority = "high"
    sources: frozenset[str] = frozenset()

    @property
    def has_age(self) -> bool:
        """Whether it is for some ages only."""
        return self.from_age_days is not None or self.to_age_days is not None

    def holds_at(self, age_days: float) -> bool:
        """Tell whether it is for this age."""
        return (self.from_age_days or 0.0) <= age_days < (self.to_age_days or float("inf"))


@dataclass(frozen=True, slots=True)
class Channel:
    """Where alarms are posted.

    Attributes:
        webhook: URL; https, or http to this machine.
        secret_file: holds what posts are signed with; read for every post.
        ca_file: authorities to trust; None for the system's.
        timeout_s: for every step of a post.
        attempts: after this many answers that refuse a post (4xx), it is given up.
        longest_pause_s: between two attempts.
    """

    name: str
    webhook: str
    secret_file: Path
    ca_file: Path | None = None
    timeout_s: float = 5.0
    attempts: int = 8
    longest_pause_s: float = 10.0


@dataclass(frozen=True, slots=True)
class EscalationStep:
    """Who is told if nobody has acknowledged.

    Attributes:
        channels: their names.
        after_s: from the start of the alarm.
        priority: the least that is told.
    """

    channels: tuple[str, ...]
    after_s: float = 0.0
    priority: Priority = "none"


@dataclass(frozen=True, slots=True)
class Alarms:
    """What is done about alarms; all of them are kept, charted and streamed in any case."""

    limits: tuple[Limit, ...] = ()
    channels: tuple[Channel, ...] = ()
    escalation: tuple[EscalationStep, ...] = ()
