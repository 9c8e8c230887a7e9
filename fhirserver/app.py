"""The composition root: settings become services, services become one WSGI application.

/fhir, /fhir/...            the FHIR API                 fhirserver.http
/health/..., /metrics       probes                       fhirserver.probes
everything else             what a person sees (Flask)   fhirserver.console
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

from fhirserver.access import allow_all
from fhirserver.access.smart_policy import smart_policy
from fhirserver.config import Settings, split_networks, split_origins
from fhirserver.definitions import r4_with
from fhirserver.errors import FhirError
from fhirserver.http.forwarded import TrustedProxies
from fhirserver.http.guard import check_loopback
from fhirserver.http.response import STATUS_LINES, Response
from fhirserver.interactions import Services
from fhirserver.metrics import Metrics, SharedMetrics
from fhirserver.operations import OFFERED
from fhirserver.probes import Probes
from fhirserver.secret_file import CURSOR_KEY_FILE, SECRETS_KEY_FILE, read_or_make
from fhirserver.store.database import Database, now_us
from fhirserver.tracing import Tracing, start_tracing

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_STRICT_TRANSPORT = ("Strict-Transport-Security", "max-age=31536000")


class Application:
    """The server as one WSGI callable.

    Args:
        fhir: takes what is at or below /fhir.
        pages: takes everything that is neither that nor a probe.
        probes: answer health and metrics.
        services: what they work with; `open` lets only loopback stand in Host and Origin, which
            `fhir` checks by itself.
        tracing: observes `fhir`; None where nobody collects traces.
    """

    def __init__(
        self,
        fhir: Wsgi,
        pages: Wsgi,
        probes: Probes,
        services: Services,
        tracing: Tracing | None = None,
    ) -> None:
        self._fhir = fhir if tracing is None else tracing.wrap(fhir)
        self._tracing = tracing
        self._pages = pages
        self._probes = probes
        settings = services.settings
        self._open = settings.open
        self._proxies = TrustedProxies(split_networks(settings.trusted_proxies))
        self._is_tls = bool(settings.tls_certificate) or settings.public_url.startswith("https:")
        self._database = services.database

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        self._proxies.apply(environ)
        if self._is_tls:
            start_response = partial(_start_strictly, start_response)
        path: str = environ["PATH_INFO"]
        if path.startswith("/fhir") and (len(path) == 5 or path[5] == "/"):
            return self._fhir(environ, start_response)
        if self._open:
            try:
                check_loopback(environ.get("HTTP_HOST"), environ.get("HTTP_ORIGIN"))
            except FhirError as error:
                return _send(_refusal(error), environ, start_response)
        probe = self._probes.find(path)
        if probe is None:
            return self._pages(environ, start_response)
        return _send(probe(), environ, start_response)

    def close(self) -> None:
        """Let go of the database; the interpreter's own end would wait long for its threads."""
        self._database.close()
        if self._tracing is not None:
            self._tracing.close()


def for_callers(services: Services) -> Services:
    """Have services decide on callers: those who come over the network, or for whom a job works."""
    if services.settings.open:
        return services
    from fhirserver.smart.callers import find_caller

    return replace(services, policy=smart_policy, find_caller=find_caller)


def build_services(settings: Settings, *, cursor_key: bytes, secrets_key: bytes = b"") -> Services:
    """Make what interactions of the operator work with, which may do everything.

    Opens no connection yet.

    Args:
        settings: `database_url` given.
        cursor_key: see `Services`; b"" for a process that gives no paging links.
        secrets_key: see `Services`.
    """
    database = Database(
        settings.database_url,
        max_size=settings.pool_size,
        timeout_s=settings.pool_timeout_s,
        statement_timeout_ms=settings.statement_timeout_ms,
        audit_durability=settings.audit_durability,
        full_text=settings.full_text,
    )
    return Services(
        definitions=r4_with(settings.full_text),
        database=database,
        settings=settings,
        policy=allow_all,
        now=now_us,
        cursor_key=cursor_key,
        operations=OFFERED,
        secrets_key=secrets_key,
    )


def build_application(
    settings: Settings, shared: SharedMetrics, metrics: Metrics, on_exhausted: Callable[[], None]
) -> Application:
    """Make the WSGI application of one web worker.

    Args:
        settings: see `build_services`.
        shared: the counters of all workers, for a scrape.
        metrics: this worker's counters.
        on_exhausted: called when this process should be replaced by a fresh one.
    """
    from fhirserver.console import create_console
    from fhirserver.http.access_log import AccessLog, Served
    from fhirserver.http.application import FhirApplication, presume_nothing
    from fhirserver.http.bearer import BearerAuthentication, anonymous
    from fhirserver.http.cors import Cors
    from fhirserver.http.wsgi import FhirWsgi
    from fhirserver.smart.origins import RegisteredOrigins

    data_dir = Path(settings.data_dir)
    services = for_callers(
        build_services(
            settings,
            cursor_key=read_or_make(data_dir / CURSOR_KEY_FILE),
            secrets_key=read_or_make(data_dir / SECRETS_KEY_FILE),
        )
    )
    services.database.on_dangling = partial(metrics.count, "dangling_references")

    def count(served: Served) -> None:
        metrics.observe(served.interaction, served.status, served.duration_us)

    log = AccessLog(FileIO(sys.stderr.fileno(), "wb", closefd=False))
    tracing = start_tracing()
    observers = (count, log) if tracing is None else (count, log, tracing)
    registered = frozenset[str]() if settings.open else RegisteredOrigins(services.database)
    cors = Cors(split_origins(settings.cors_origins), registered, public=not settings.open)
    callers = None if settings.open else BearerAuthentication(services)
    fhir = FhirApplication(
        services,
        authenticate=callers or anonymous,
        presume=callers.presume if callers else presume_nothing,
        observers=observers,
        cors=cors,
    )
    probes = Probes(services.database, shared)
    wsgi = FhirWsgi(fhir, on_exhausted=on_exhausted)
    return Application(wsgi, create_console(services), probes, services, tracing)


def _start_strictly(
    start_response: StartResponse, status: str, headers: list[tuple[str, str]], *rest: object
) -> object:
    """Begin an answer that tells browsers to come by TLS only (RFC 6797)."""
    return start_response(status, [*headers, _STRICT_TRANSPORT], *rest)


def _refusal(error: FhirError) -> Response:
    body = f"{error}\n".encode()
    return Response(error.status, [("Content-Type", "text/plain; charset=utf-8")], body)


def _send(response: Response, environ: Environ, start_response: StartResponse) -> list[bytes]:
    response.headers.append(("Content-Length", str(len(response.body))))
    start_response(STATUS_LINES[response.status], response.headers)
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else response.body]
