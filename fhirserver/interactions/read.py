"""read: the current version of one resource.

Spec: https://hl7.org/fhir/R4/http.html#read

The stored bytes go out unchanged; only `_summary`, `_elements` and what is withheld from the caller
(`masking`) take the longer way. What a caller may see is part of the statement that reads; a
Binary, whose context decides, is judged. The OperationDefinitions of this server's own operations
can be read without being stored: they are part of the software, as the CapabilityStatement is, and
have no version.
"""

from dataclasses import replace

from fhirserver.access import AuthContext, Decision
from fhirserver.audit import audit_row
from fhirserver.errors import FhirError, GoneError, NotFoundError
from fhirserver.interactions.attached import is_attached
from fhirserver.interactions.covered import sees
from fhirserver.interactions.grants import reach_of
from fhirserver.interactions.masking import masked
from fhirserver.interactions.permit import permit
from fhirserver.interactions.subset import apply_subset, read_subset
from fhirserver.interactions.types import Query, Result, Services
from fhirserver.model.json import parse_json, write_json
from fhirserver.model.stored import StoredResource
from fhirserver.store.audit_row import AuditPlace, AuditRow, record
from fhirserver.store.read import look
from fhirserver.store.read import read as read_stored
from fhirserver.store.standing import Presumed


def read(
    services: Services,
    auth: AuthContext,
    type_: str,
    id_: str,
    query: Query | None = None,
    *,
    presumed: Presumed | None = None,
) -> Result:
    """Read one resource.

    Args:
        services: see there.
        auth: the caller.
        type_: resource type.
        id_: logical id.
        query: `_summary`, `_elements`.
        presumed: what `auth` rests on; what comes of it counts only if it is confirmed afterwards.
            Not for a Binary, of which more than one statement decides.

    Raises:
        NotFoundError: no such resource, or not this caller's (the two look the same).
        GoneError: it is deleted; carries the ETag of the delete.
    """
    decision = permit(services, auth, "read", type_, id_)
    subset = read_subset(services, type_, query)
    if type_ == "Binary" and not decision.unconfined:
        found = _find_judged(services, auth, decision, type_, id_)
    else:
        if presumed is not None and _is_of_all_treated(auth, decision, presumed):
            presumed.of_all, decision = True, _without_patients(decision)
        reach = reach_of(services, type_, decision)
        row = audit_row(auth, "read")
        found = read_stored(services.database, type_, id_, row, reach=reach, presumed=presumed)
    if found is None and type_ == "OperationDefinition":
        own = _own_definition(services, id_)
        if own is not None:
            return Result(200, body=apply_subset(services.definitions, own, subset))
    stored, whole = present(found, f"{type_}/{id_}")
    body = masked(whole, decision.masks, services.definitions)
    return Result(200, stored, apply_subset(services.definitions, body, subset))


def _is_of_all_treated(auth: AuthContext, decision: Decision, presumed: Presumed) -> bool:
    """Whether a decision reaches whomever the caller treats, today those and tomorrow others. Pure.

    A launch patient who is the only one treated, and broken glass, make the same list of patients,
    which neither grows nor ends with treatment.
    """
    rights = auth.rights
    if rights is None or rights.broken_glass or presumed.clinician is None:
        return False
    if presumed.treated == (rights.patient,):
        return False
    grants = [(each.patients, each.where) for each in decision.grants]
    return grants == [(presumed.treated, ())]


def _without_patients(decision: Decision) -> Decision:
    """Leave of a decision what it says beside whom its resources are about. Pure."""
    return replace(decision, grants=tuple(replace(each, patients=None) for each in decision.grants))


def _find_judged(
    services: Services, auth: AuthContext, decision: Decision, type_: str, id_: str
) -> StoredResource | None:
    """Find the current version as far as the caller may see it, and record what it gets."""
    found = readable(services, auth, decision, look(services.database, type_, id_))
    return judged(services, audit_row(auth, "read"), (type_, id_), found)


def readable(
    services: Services, auth: AuthContext, decision: Decision, stored: StoredResource | None
) -> StoredResource | None:
    """Give back a version that the caller may read: one it sees, or a Binary that is attached."""
    found = visible(services, auth, decision, stored)
    if found is not None or stored is None or stored.type != "Binary":
        return found
    return stored if is_attached(services, auth, decision, stored) else None


def visible(
    services: Services, auth: AuthContext, decision: Decision, stored: StoredResource | None
) -> StoredResource | None:
    """Give back a version that the caller may see; None for any other."""
    if stored is None or not sees(services, auth, decision, stored):
        return None
    return stored


def judged(
    services: Services, row: AuditRow, place: tuple[str, str], found: StoredResource | None
) -> StoredResource | None:
    """Record what a caller gets that no statement has recorded, and give it back.

    Args:
        services: keep the record.
        row: who asks.
        place: type and logical id.
        found: the version; None for none that it may see.
    """
    tid = services.definitions.type_id(place[0])
    rid, version = (None, None) if found is None else (found.rid, found.version)
    with services.database.connection() as connection:
        outcome = 404 if found is None else 200
        record(connection, row, outcome, AuditPlace(tid, place[1], rid, version))
    return found


def present(stored: StoredResource | None, place: str) -> tuple[StoredResource, bytes]:
    """Require a version that is there.

    Args:
        stored: what the caller may see of it; None for nothing.
        place: for the message, e.g. "Patient/1".

    Raises:
        NotFoundError: nothing there, or nothing for this caller.
        GoneError: deleted.
    """
    if stored is None:
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
