"""What machines ask the server itself: is it alive, is it ready, what has it done.

    /health/live    200 as long as this process answers; touches nothing else
    /health/ready   200 if the database answers and has a schema for this version, else 503
    /metrics        Prometheus text

None of them tells anything about a patient.
"""

from collections.abc import Callable
from importlib.metadata import version

from fhirserver.errors import FhirError
from fhirserver.http.response import Response
from fhirserver.metrics import CONTENT_TYPE, SharedMetrics
from fhirserver.model.json import JsonObject, write_json
from fhirserver.store.database import Database
from fhirserver.store.migrate import SchemaRevisionError, check_revision

_RETRY_AFTER_S = 2


class Probes:
    """Answers the probes of one process.

    Args:
        database: asked by /health/ready.
        metrics: of all processes.
    """

    def __init__(self, database: Database, metrics: SharedMetrics) -> None:
        self._database = database
        self._metrics = metrics
        self._version = version("fhirserver")
        self._pages: dict[str, Callable[[], Response]] = {
            "/health/live": self.live,
            "/health/ready": self.ready,
            "/metrics": self.counters,
        }

    def find(self, path: str) -> Callable[[], Response] | None:
        """Find the probe at a path."""
        return self._pages.get(path)

    def live(self) -> Response:
        """Say that this process answers."""
        return _answer(200, {"status": "live", "version": self._version})

    def ready(self) -> Response:
        """Ask the database."""
        try:
            with self._database.connection() as connection:
                check_revision(connection)
        except FhirError as error:
            return _unavailable("database", str(error))
        except SchemaRevisionError as error:
            return _unavailable("schema", str(error))
        return _answer(200, {"status": "ready", "database": "ok", "schema": "ok"})

    def counters(self) -> Response:
        """Write the metrics of all processes."""
        return Response(200, [("Content-Type", CONTENT_TYPE)], self._metrics.render(self._version))


def _unavailable(part: str, reason: str) -> Response:
    response = _answer(503, {"status": "unavailable", part: reason})
    response.headers.append(("Retry-After", str(_RETRY_AFTER_S)))
    return response


def _answer(status: int, content: JsonObject) -> Response:
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    return Response(status, headers, write_json(content) + b"\n")
