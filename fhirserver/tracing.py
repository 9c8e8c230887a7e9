"""OpenTelemetry traces: one server span per request of the FHIR API, sent as OTLP over HTTP.

Spec: https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and
https://www.w3.org/TR/trace-context/

Only where the standard variable OTEL_EXPORTER_OTLP_ENDPOINT, or its form for traces, names a
collector; nothing is imported otherwise. The other standard variables (OTEL_SERVICE_NAME,
OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_EXPORTER_OTLP_HEADERS …) are read by
OpenTelemetry itself.

    name        interaction and type, e.g. "read Patient"
    attributes  http.request.method, http.response.status_code, fhir.interaction, fhir.type

Like the access log a span has no path, id, query, body or address. A caller's `traceparent` is
continued.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fhirserver.http.access_log import Served

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

_log = logging.getLogger("fhirserver.tracing")


class Tracing:
    """Sends spans from this process in the background; an observer of `FhirApplication`."""

    def __init__(self) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        named = "OTEL_SERVICE_NAME" in os.environ
        resource = Resource.create({} if named else {"service.name": "fhirserver"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("fhirserver")
        self._extract = TraceContextTextMapPropagator().extract
        self._kind = SpanKind.SERVER
        self._failed = Status(StatusCode.ERROR)
        self._caller = _Caller()

    def wrap(self, fhir: Wsgi) -> Wsgi:
        """Note whose trace a request continues, for the observer that is called in its thread."""

        def traced(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
            self._caller.headers = {
                name: environ[key]
                for name, key in (
                    ("traceparent", "HTTP_TRACEPARENT"),
                    ("tracestate", "HTTP_TRACESTATE"),
                )
                if key in environ
            }
            return fhir(environ, start_response)

        return traced

    def __call__(self, served: Served) -> None:
        """Make the span of a request that has been answered."""
        interaction = served.interaction or "unknown"
        attributes: dict[str, str | int] = {
            "http.request.method": served.method if served.method in _METHODS else "_OTHER",
            "http.response.status_code": served.status,
            "fhir.interaction": interaction,
        }
        if served.type:
            attributes["fhir.type"] = served.type
        span = self._tracer.start_span(
            f"{interaction} {served.type}".rstrip(),
            context=self._extract(self._caller.headers),
            kind=self._kind,
            attributes=attributes,
            start_time=served.at_us * 1000,
        )
        if served.status >= 500:
            span.set_status(self._failed)
        span.end((served.at_us + served.duration_us) * 1000)

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


class _Caller(threading.local):
    headers: Mapping[str, str] = {}


def start_tracing() -> Tracing | None:
    """Start where a collector is named; without the packages say so and go on."""
    if not any(os.environ.get(name) for name in _ENDPOINTS):
        return None
    try:
        return Tracing()
    except ImportError:
        _log.warning("no traces are sent: install the packages with `pip install fhirserver[otel]`")
        return None
