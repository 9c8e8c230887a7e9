"""The answer to an entry of a batch that failed, told to the audit trail like a request that did.

Spec: https://hl7.org/fhir/R4/http.html#brules
"""

from fhirserver.access import AuthContext
from fhirserver.audit import leaves_no_row, record_refusal
from fhirserver.interactions.transaction_entries import Entry, at_entry
from fhirserver.interactions.transaction_response import error_entry
from fhirserver.interactions.types import Services
from fhirserver.interactions.unforeseen import foreseen


def failed_entry(services: Services, auth: AuthContext, entry: Entry, error: Exception) -> bytes:
    """Give the answer to an entry, whatever it failed of.

    Raises:
        UnavailableError: the audit row cannot be written.
    """
    target, failure = entry.target, foreseen(error, auth.request_id)
    if leaves_no_row(target.interaction, failure):
        place = (target.type, target.id)
        record_refusal(services.database, auth, target.interaction, place, failure)
    return error_entry(at_entry(failure, entry.path))
