"""Counters of what the bridge does, as Prometheus text; sources and devices, never patients.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4)
"""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

Labels = tuple[tuple[str, str], ...]
Sample = tuple[str, Labels, float]
Counted = tuple[Sequence[Sequence[Any]], Sequence[Sequence[Any]]]
"""What a process counted, and what it knows of devices, as JSON takes it."""
NOTHING_COUNTED: Counted = ((), ())

COUNTERS = {
    "frames": "Frames received, by what became of them at the port.",
    "polls": "Polls of devices that are asked, by how they ended.",
    "refused_frames": "Frames answered with NAK: their checksum or number was wrong (ASTM).",
    "noise_bytes": "Bytes received outside of frames.",
    "connections": "Connections accepted.",
    "delivered": "Messages that were decided, by what became of them.",
    "attempts_failed": "Attempts of delivery that decided nothing.",
    "quarantined_readings": "Readings quarantined because they cannot be.",
    "unchecked_readings": "Readings whose unit does not tell whether they are critical.",
    "alarms": "What happened to alarms, by what raised them.",
    "notifications": "Attempts to tell a channel, by what became of them.",
    "unmapped_codes": "Readings whose code no mapping knows; they are kept under their own code.",
}
GAUGES = {
    "waiting": "Messages that wait for delivery.",
    "held": "Messages whose patient is not known yet.",
    "dead_letters": "Messages that a person has to look at.",
    "lag_seconds": "How long the oldest message has waited.",
    "open_alarms": "Alarms that are open.",
    "waiting_notifications": "What a channel should have been told by now.",
    "open_connections": "Connections that are open.",
    "last_seen_seconds": "When a device was last heard, in seconds since 1970.",
    "device_clock_offset_seconds": "How far a device's clock was behind the bridge's.",
    "journal_free_bytes": "Free space on the journal's disk.",
}

_PREFIX = "fhir_bridge_"
_DEVICES = 10_000
"""Gauges of devices that are kept; a sender that makes identifiers up must not fill the memory."""


class Metrics:
    """What is counted; any number of threads may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: defaultdict[tuple[str, Labels], float] = defaultdict(float)
        self._devices: dict[tuple[str, str, str], float] = {}

    def count(self, name: str, source: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter of `COUNTERS`."""
        key = (name, (("source", source), *labels.items()))
        with self._lock:
            self._counts[key] += amount

    def seen(self, source: str, device: str, at_s: float) -> None:
        """Note that a device was heard, in seconds since 1970."""
        self.note("last_seen_seconds", source, device, at_s)

    def note(self, name: str, source: str, device: str, value: float) -> None:
        """Set a gauge of `GAUGES` that a device has."""
        key = (name, source, device)
        with self._lock:
            if key in self._devices or len(self._devices) < _DEVICES:
                self._devices[key] = value

    def counted(self) -> Counted:
        """Give all of it, for another process."""
        with self._lock:
            counts = [(*key, value) for key, value in self._counts.items()]
            return counts, [(*key, value) for key, value in self._devices.items()]

    def add(self, others: Counted) -> "Metrics":
        """Give what is counted here and in another process."""
        both = Metrics()
        for counts, devices in (self.counted(), others):
            for name, labels, value in counts:
                both._counts[name, tuple((label, text) for label, text in labels)] += value
            for name, source, device, value in devices:
                both.note(name, source, device, value)
        return both

    def render(self, measure: Callable[[], Iterable[Sample]]) -> bytes:
        """Write everything as text.

        Args:
            measure: gives the gauges as they are now.
        """
        with self._lock:
            counts = [(name, labels, value) for (name, labels), value in self._counts.items()]
            devices = [
                (name, (("source", source), ("device", device)), value)
                for (name, source, device), value in self._devices.items()
            ]
        lines = [
            *_families(COUNTERS, "counter", "_total", counts),
            *_families(GAUGES, "gauge", "", [*measure(), *devices]),
        ]
        return ("\n".join(lines) + "\n").encode("utf-8")


def _families(
    helps: dict[str, str], kind: str, suffix: str, samples: list[Sample]
) -> Iterator[str]:
    for name, words in helps.items():
        full = f"{_PREFIX}{name}{suffix}"
        yield f"# HELP {full} {words}"
        yield f"# TYPE {full} {kind}"
        for labels, value in sorted(each[1:] for each in samples if each[0] == name):
            shown = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels)
            yield f"{full}{{{shown}}} {value:.15g}" if shown else f"{full} {value:.15g}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
