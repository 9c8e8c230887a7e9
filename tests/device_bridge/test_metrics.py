"""Counters as Prometheus reads them. DEV-28."""

from __future__ import annotations

import pytest

from fhirserver_device_bridge.metrics import COUNTERS, GAUGES, Metrics


def test_counts_gauges_and_devices() -> None:
    metrics = Metrics()
    metrics.count("frames", "icu", outcome="received")
    metrics.count("frames", "icu", outcome="received")
    metrics.count("frames", 'a"b\\', outcome="refused")
    metrics.seen("icu", "00-A0", 1.5)
    text = metrics.render(lambda: [("waiting", (("source", "icu"),), 3.0)]).decode("utf-8")
    for line in (
        'fhir_bridge_frames_total{source="icu",outcome="received"} 2',
        'fhir_bridge_frames_total{source="a\\"b\\\\",outcome="refused"} 1',
        'fhir_bridge_last_seen_seconds{source="icu",device="00-A0"} 1.5',
        'fhir_bridge_waiting{source="icu"} 3',
    ):
        assert f"\n{line}\n" in text
    families = [line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")]
    assert families == [
        *(f"fhir_bridge_{name}_total" for name in COUNTERS),
        *(f"fhir_bridge_{name}" for name in GAUGES),
    ]


@pytest.mark.parametrize("devices", [10_001])
def test_a_sender_that_makes_devices_up_does_not_fill_the_memory(devices: int) -> None:
    metrics = Metrics()
    for number in range(devices):
        metrics.seen("icu", str(number), 1.0)
    assert metrics.render(list).count(b"last_seen_seconds{") == devices - 1
