"""batch: entries that have nothing to do with each other, each as if it had come alone.

Spec: https://hl7.org/fhir/R4/http.html#brules
"""

from fhirserver.access import AuthContext
from fhirserver.errors import FhirError
from fhirserver.interactions.bundle import bundle_json
from fhirserver.interactions.bundle_request import perform
from fhirserver.interactions.transaction_entries import (
    Entry,
    at_entry,
    bundle_entries,
    parse_entry,
    processing_order,
)
from fhirserver.interactions.transaction_response import error_entry, result_entry
from fhirserver.interactions.types import Preference, Result, Services
from fhirserver.model.json import JsonObject


def batch(services: Services, auth: AuthContext, bundle: JsonObject, prefer: Preference) -> Result:
    """Run every entry; the answer is 200 whatever becomes of them.

    Raises:
        InvalidRequestError: the Bundle has no list of entries.
    """
    base_url = services.settings.public_url
    answers: dict[int, bytes] = {}
    entries: list[Entry] = []
    raw_entries = bundle_entries(bundle)
    for index, raw in enumerate(raw_entries):
        try:
            entries.append(parse_entry(index, raw, services.definitions, base_url, prefer))
        except FhirError as error:
            answers[index] = error_entry(error)
    for entry in processing_order(entries):
        try:
            result = perform(services, auth, entry)
            answers[entry.index] = result_entry(entry, result, base_url)
        except FhirError as error:
            answers[entry.index] = error_entry(at_entry(error, entry.path))
    ordered = (answers[index] for index in range(len(raw_entries)))
    return Result(200, body=bundle_json("batch-response", ordered))
