"""read: the current version of one resource.

Spec: https://hl7.org/fhir/R4/http.html#read

The stored bytes go out unchanged; only `_summary` and `_elements` take the longer way. The
OperationDefinitions of this server's own operations can be read without being stored: they are part
of the software, as the CapabilityStatement is, and have no version.
"""

from fhirserver.access import AuthContext, Decision
from fhirserver.audit import audit_row
from fhirserver.errors import FhirError, GoneError, NotFoundError
from fhirserver.interactions.permit import permit, sees
from fhirserver.interactions.subset import apply_subset, read_subset
from fhirserver.interactions.types import Query, Result, Services
from fhirserver.model.json import parse_json, write_json
from fhirserver.model.stored import StoredResource
from fhirserver.store.read import read as read_stored


def read(
    services: Services, auth: AuthContext, type_: str, id_: str, query: Query | None = None
) -> Result:
    """Read one resource.

    Raises:
        NotFoundError: no such resource, or not this caller's (the two look the same).
        GoneError: it is deleted; carries the ETag of the delete.
    """
    decision = permit(services, auth, "read", type_, id_)
    subset = read_subset(services, type_, query)
    found = read_stored(services.database, type_, id_, audit_row(auth, "read"))
    if found is None and type_ == "OperationDefinition":
        own = _own_definition(services, id_)
        if own is not None:
            return Result(200, body=apply_subset(services.definitions, own, subset))
    stored, body = present(services, decision, found, f"{type_}/{id_}")
    return Result(200, stored, apply_subset(services.definitions, body, subset))


def present(
    services: Services, decision: Decision, stored: StoredResource | None, place: str
) -> tuple[StoredResource, bytes]:
    """Require a version that is there and that the caller may see.

    Args:
        services: extracts the compartments where the caller is confined.
        decision: the policy's answer.
        stored: what the store found.
        place: for the message, e.g. "Patient/1".

    Raises:
        NotFoundError: nothing there, or nothing for this caller.
        GoneError: deleted.
    """
    if stored is None or not sees(services, decision, stored):
        raise absent(place)
    if stored.body is None:
        raise GoneError(
            f"{place} is deleted; its earlier versions are in its history.",
            headers=(("ETag", stored.etag),),
        )
    return stored, stored.body


def _own_definition(services: Services, id_: str) -> bytes | None:
    """Give the definition of an operation of ours; None where there is no such operation."""
    for each in services.operations:
        if each.document is not None and each.definition == f"OperationDefinition/{id_}":
            url = each.address(services.settings.public_url)
            return write_json({**parse_json(each.document), "id": id_, "url": url})
    return None


def absent(place: str) -> FhirError:
    """Say that nothing is there, in words that do not depend on why."""
    return NotFoundError(f"{place} does not exist.")
