"""OpenTelemetry: a real server's spans arrive at a collector, continue a trace and name nobody."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.server import ServerProcess
from tests.waiting import wait_for

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="extra otel not installed")

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
_PARENT = "00f067aa0ba902b7"


class Collector(ThreadingHTTPServer):
    """Keeps the bodies of what is posted to it."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def resources(self) -> list[Any]:
        """What has arrived, decoded."""
        return [
            each
            for body in list(self.received)
            for each in ExportTraceServiceRequest.FromString(body).resource_spans
        ]

    def span(self, name: str) -> Any:
        """Find the span of a name, None if it has not arrived."""
        for resource in self.resources:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    if span.name == name:
                        return span
        return None


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        assert self.path == "/v1/traces"
        self.server.received.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def attributes(holder: Any) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in holder.attributes
    }


def test_a_request_is_a_span_of_its_callers_trace(
    collector: Collector, server_database_url: str, tmp_path: Path
) -> None:
    arguments = ("--database-url", server_database_url, "--data-dir", str(tmp_path / "data"))
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{collector.server_port}",
        "OTEL_BSP_SCHEDULE_DELAY": "50",
    }
    with (
        ServerProcess(tmp_path / "log", (*arguments, "--workers", "1"), environment) as server,
        server.client() as client,
    ):
        client.get("Patient/secret-id", traceparent=f"00-{_TRACE}-{_PARENT}-01")
        client.get("Observation?patient=secret-id")
        client.get("Nonsense/secret-id")
        read = wait_for(lambda: collector.span("read Patient"))
        search = wait_for(lambda: collector.span("search-type Observation"))
        wait_for(lambda: collector.span("unknown"))

    assert read.trace_id.hex() == _TRACE
    assert read.parent_span_id.hex() == _PARENT
    assert read.kind == 2  # server
    assert read.start_time_unix_nano < read.end_time_unix_nano
    assert attributes(read) == {
        "http.request.method": "GET",
        "http.response.status_code": 404,
        "fhir.interaction": "read",
        "fhir.type": "Patient",
    }
    assert search.trace_id != read.trace_id
    assert not search.parent_span_id
    assert attributes(collector.resources[0].resource)["service.name"] == "fhirserver"
    assert not any(b"secret" in body for body in collector.received)


def test_nothing_is_imported_while_nobody_collects() -> None:
    code = (
        "import sys, fhirserver.web\n"
        "from fhirserver.tracing import start_tracing\n"
        "assert start_tracing() is None\n"
        "print([name for name in sys.modules if 'opentelemetry' in name])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True, env={}
    )
    assert found.stdout == "[]\n"
