"""One web worker: granian's WSGI server in a process of its own, over an inherited socket.

Run by the supervisor as `python -m fhirserver.web`. Granian's own supervisor is not used: it ends
the server after two crashes within seconds, cannot inherit a socket and knows nothing of
PostgreSQL or jobs. What is used of granian is confined to this module.

SIGTERM: no more connections are accepted, those that are there are read from (see accepted.py),
requests under way finish, then the process ends.
"""

import argparse
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, NoReturn

from granian.http import HTTP1Settings, HTTP2Settings

from fhirserver.accepted import finish_accepting
from fhirserver.app import Application, build_application
from fhirserver.config import Settings, read_settings
from fhirserver.lifeline import Lifeline
from fhirserver.logs import configure_logging
from fhirserver.metrics import SharedMetrics

# Granian's own type stubs lag behind these.
_futures: Any = import_module("granian._futures")
_loops: Any = import_module("granian._loops")
_native: Any = import_module("granian._granian")

# Many wait for a slow sender's body or for a database connection; few compute at a time. Slow
# senders hold 24 + 16 + 24 of them at most (see http/body.py), the rest is for everybody else.
THREADS = 80
_BACKLOG = 1024
_BACKPRESSURE = 512
_THREAD_IDLE_S = 60
_HEADER_TIMEOUT_MS = 10_000
_OLDEST_TLS = "tls1.2"
_FIRST_BYTE_S = 5.0


def main() -> NoReturn:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(prog="python -m fhirserver.web")
    for name in ("listener", "lifeline", "metrics", "region"):
        parser.add_argument(f"--{name}", type=int, required=True)
    args = parser.parse_args()
    configure_logging()
    # Blocked in every thread and waited for: a handler would run only when this thread wakes up.
    signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    lifeline = Lifeline(args.lifeline)
    stop, stopped = _native.WorkerSignal(), threading.Event()
    stop.add_cb(stopped.set)
    metrics = SharedMetrics(args.metrics)
    settings = read_settings()
    application = build_application(
        settings, metrics, metrics.region(args.region), lifeline.exhausted
    )
    _collect_seldom()
    _serve(application, args.listener, stop, _tls(settings))
    lifeline.ready()
    signal.sigwait(signals)
    finish_accepting(args.listener, _FIRST_BYTE_S)
    stop.set()
    stopped.wait()
    application.close()
    sys.stderr.flush()
    # Threads that wait for late bodies are inside granian, which cannot bear the interpreter's end.
    os._exit(0)


def _collect_seldom() -> None:
    """Leave the definitions out of garbage collections, and collect less often.

    A Bundle is many objects and no cycle; looking for some took an eighth of a transaction's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def _tls(settings: Settings) -> tuple[object, ...]:
    """Give granian's arguments for TLS: whether, certificate, key, passphrase, oldest version."""
    no_client_certificates: tuple[object, ...] = (None, [], False)
    if not settings.tls_certificate:
        return (False, None, None, None, _OLDEST_TLS, *no_client_certificates)
    files = (settings.tls_certificate, settings.tls_key)
    return (True, *files, None, _OLDEST_TLS, *no_client_certificates)


def _serve(application: Application, listener: int, stop: Any, tls: tuple[object, ...]) -> None:
    no_static_files, no_ipc, no_metrics = None, None, (None, None)
    worker = _native.WSGIWorker(
        1,
        (None, _native.SocketHolder(listener, False, _BACKLOG)),
        no_ipc,
        1,  # runtime threads
        64,  # runtime threads for blocking work
        THREADS,
        _THREAD_IDLE_S,
        _BACKPRESSURE,
        "1",
        HTTP1Settings(header_read_timeout=_HEADER_TIMEOUT_MS),
        HTTP2Settings(),
        no_static_files,
        *tls,
        no_metrics,
    )
    loop = _loops.loops.get("asyncio")
    callback = _callback(application)
    scheduler = _futures._new_cbscheduler(loop, callback, impl_asyncio=True)  # noqa: SLF001
    worker.serve_mtr(scheduler, loop, stop)


def _callback(application: Application) -> Callable[[Any, dict[str, Any]], None]:
    """Wrap the WSGI application as granian calls it.

    Unlike granian's own wrapper this one does not put the process's environment, with the
    database's password, into every request.
    """
    constant = {
        "SCRIPT_NAME": "",
        "SERVER_SOFTWARE": "fhirserver",
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multiprocess": True,
        "wsgi.multithread": True,
        "wsgi.run_once": False,
        "wsgi.version": (1, 0),
    }

    def run(protocol: Any, scope: dict[str, Any]) -> None:
        status, headers = 500, list[tuple[str, str]]()

        def start_response(line: str, fields: list[tuple[str, str]], _exc: object = None) -> None:
            nonlocal status, headers
            status, headers = int(line[:3]), fields

        parts = application(constant | scope, start_response)
        try:
            if isinstance(parts, Iterator):
                # Asks for a part when the one before it has left.
                protocol.response_iter(status, headers, parts)
            else:
                protocol.response_bytes(status, headers, b"".join(parts))
        finally:
            if hasattr(parts, "close"):
                parts.close()

    return run


if __name__ == "__main__":
    main()
