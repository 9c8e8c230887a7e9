"""Metrics: counted per process, added up over processes, without anything about a patient."""

from __future__ import annotations

import re

from fhirserver.metrics import Metrics, SharedMetrics
from tests.client import Client


def _value(text: str, line: str) -> float:
    found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_regions_are_added_up() -> None:
    shared = SharedMetrics.create(3)
    regions: list[Metrics] = [shared.region(index) for index in range(3)]
    for region in regions:
        region.observe("read", 200, 900)
        region.observe("read", 404, 30_000_000)
        region.set_gauges(pool_connections=2)
    regions[0].observe("no such interaction", 299, 1)
    text = shared.render("9").decode()
    assert _value(text, 'fhirserver_requests_total{interaction="read",status="200"}') == 3
    assert _value(text, 'fhirserver_requests_total{interaction="other",status="other"}') == 1
    duration = "fhirserver_request_duration_seconds"
    assert _value(text, f'{duration}_bucket{{interaction="read",le="0.001"}}') == 3
    assert _value(text, f'{duration}_bucket{{interaction="read",le="+Inf"}}') == 6
    assert _value(text, f'{duration}_count{{interaction="read"}}') == 6
    assert _value(text, f'{duration}_sum{{interaction="read"}}') == 90.0027
    assert _value(text, "fhirserver_pool_connections") == 6


def test_a_successor_goes_on_counting() -> None:
    shared = SharedMetrics.create(1)
    for _ in range(2):
        shared.region(0).observe("create", 201, 5)
    text = shared.render("9").decode()
    assert _value(text, 'fhirserver_requests_total{interaction="create",status="201"}') == 2


def test_a_dead_process_counts_no_connections() -> None:
    shared = SharedMetrics.create(1)
    shared.region(0).set_gauges(pool_connections=7, pid=2**22 + 1)
    text = shared.render("9").decode()
    assert _value(text, "fhirserver_pool_connections") == 0
    assert _value(text, "fhirserver_web_workers") == 0


def test_requests_are_counted_by_interaction_and_name_no_one(client: Client, clean: None) -> None:
    line = 'fhirserver_requests_total{interaction="read",status="404"}'
    before = _value(client.get("/metrics").text, line)
    for _ in range(10):
        assert client.get("Patient/nobody-in-particular").status == 404
    with_connections_of_their_own = [Client(client.base).get("/metrics").text for _ in range(5)]
    for text in with_connections_of_their_own:
        assert _value(text, line) == before + 10
        assert "nobody-in-particular" not in text
