"""The answer to a batch or transaction: one entry for each entry, in the same order.

Spec: https://hl7.org/fhir/R4/http.html#transaction-response
"""

from functools import cache, lru_cache
from http import HTTPStatus

from fhirserver.errors import FhirError
from fhirserver.interactions.bundle import entry_json
from fhirserver.interactions.identity import version_path
from fhirserver.interactions.transaction_entries import Entry
from fhirserver.interactions.types import Result
from fhirserver.model.instant import format_instant
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.outcome import operation_outcome
from fhirserver.model.stored import StoredResource

_instant = lru_cache(maxsize=64)(format_instant)
"""What one transaction writes has the same instant."""


def result_entry(entry: Entry, result: Result, base_url: str) -> bytes:
    """Write the entry of an interaction that succeeded.

    Args:
        entry: the request.
        result: its answer.
        base_url: the FHIR base, for fullUrl.
    """
    response: JsonObject = {"status": _status(result.status)}
    stored = result.stored
    if stored is not None:
        response |= _version(stored, located=result.status in (200, 201))
    is_write = entry.method not in ("GET", "HEAD")
    if is_write and entry.options.prefer == "OperationOutcome" and result.body is not None:
        response["outcome"] = parse_json(result.body)
        return entry_json(None, None, {"response": response})
    full_url = None
    if stored is not None and result.body is not None:
        full_url = f"{base_url}/{stored.type}/{stored.id}"
    return entry_json(result.body, full_url, {"response": response})


def error_entry(error: FhirError) -> bytes:
    """Write the entry of a batch's request that failed."""
    outcome = operation_outcome(error.issues)
    response = {"status": _status(error.status), "outcome": outcome}
    return entry_json(None, None, {"response": response})


def _version(stored: StoredResource, *, located: bool) -> JsonObject:
    response: JsonObject = {"location": version_path(stored)} if located else {}
    response["etag"] = stored.etag
    response["lastModified"] = _instant(stored.updated_us)
    return response


@cache
def _status(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"
