"""Python's log messages as JSON lines on standard error, beside the lines of the access log.

Messages come from code of ours and of libraries; none of them may quote content. Tracebacks are
left out for that reason: an exception's text may hold a row.
"""

import logging
import sys

from fhirserver.model.instant import format_instant
from fhirserver.model.json import write_json


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """Give the line of a record."""
        return write_json(
            {
                "at": format_instant(int(record.created * 1_000_000)),
                "event": "log",
                "level": record.levelname.lower(),
                "logger": record.name,
                "message": record.getMessage(),
            }
        ).decode("utf-8")


def configure_logging() -> None:
    """Send warnings and errors of this process to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # It warns at every attempt while the database is away; requests and probes tell that.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
