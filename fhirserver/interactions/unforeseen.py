"""What nobody foresaw becomes an error that can be answered, and a line in the log.

Spec: https://hl7.org/fhir/R4/http.html#Status-Codes

The answer says nothing about the cause; the log gets its type and its frames with the request id.
Its message stays out of the log: it may quote content.
"""

import logging
import traceback

from fhirserver.errors import FhirError, InternalError

_log = logging.getLogger("fhirserver")


def foreseen(error: Exception, request_id: str) -> FhirError:
    """Give the error to answer with; log one that nobody foresaw."""
    if isinstance(error, FhirError):
        return error
    if isinstance(error, RecursionError):
        return InternalError("The request nests deeper than this server can follow; flatten it.")
    frames = " < ".join(
        f"{frame.filename.rpartition('fhirserver/')[2]}:{frame.lineno} {frame.name}"
        for frame in reversed(traceback.extract_tb(error.__traceback__)[-12:])
    )
    _log.error("request %s failed: %s at %s", request_id, type(error).__name__, frames)
    return InternalError(
        f"The server failed. Look whether a change was made before you send it again, and report "
        f"request id {request_id}."
    )
