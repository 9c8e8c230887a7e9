"""The answer to a request that was performed in the background, as a Bundle. Pure.

Spec: https://hl7.org/fhir/R5/async-bundle.html
"""

from http import HTTPStatus

from fhirserver.errors import FhirError
from fhirserver.interactions.bundle import bundle_json, entry_json
from fhirserver.interactions.transaction_response import error_entry
from fhirserver.interactions.types import Result
from fhirserver.model.json import JsonObject
from fhirserver.model.outcome import operation_outcome


def answer_bundle(result: Result) -> bytes:
    """Give the answer of an interaction; issues say what is missing from it."""
    response: JsonObject = {"status": f"{result.status} {HTTPStatus(result.status).phrase}"}
    if result.issues:
        response["outcome"] = operation_outcome(result.issues)
    return bundle_json("batch-response", [entry_json(result.body, None, {"response": response})])


def error_bundle(error: FhirError) -> bytes:
    """Give the answer of an interaction that failed."""
    return bundle_json("batch-response", [error_entry(error)])
