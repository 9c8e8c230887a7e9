"""vread: one version of one resource.

Spec: https://hl7.org/fhir/R4/http.html#vread

Who is confined sees a version only while the current one is in reach, too: a resource that was
another patient's, or has become so, is nobody's to look into.
"""

import re

from fhirserver.access import AuthContext, Decision
from fhirserver.audit import audit_row
from fhirserver.interactions.masking import masked
from fhirserver.interactions.permit import permit
from fhirserver.interactions.read import absent, judged, present, readable
from fhirserver.interactions.subset import apply_subset, read_subset
from fhirserver.interactions.types import Query, Result, Services
from fhirserver.model.stored import StoredResource
from fhirserver.store.read import look
from fhirserver.store.read import vread as vread_stored

_VERSION = re.compile(r"[1-9][0-9]{0,8}", re.ASCII)


def vread(
    services: Services,
    auth: AuthContext,
    type_: str,
    id_: str,
    version: str,
    query: Query | None = None,
) -> Result:
    """Read one version.

    Args:
        services: what the interaction works with.
        auth: the caller.
        type_: resource type.
        id_: logical id.
        version: as in the URL; anything but a number that we gave is simply not there.
        query: `_summary` and `_elements`.

    Raises:
        NotFoundError: no such version, or not this caller's.
        GoneError: this version is a delete.
    """
    decision = permit(services, auth, "vread", type_, id_)
    subset = read_subset(services, type_, query)
    place = f"{type_}/{id_}/_history/{version}"
    if _VERSION.fullmatch(version) is None:
        raise absent(place)
    found = _find(services, auth, decision, (type_, id_), int(version))
    stored, whole = present(found, place)
    body = masked(whole, decision.masks, services.definitions)
    return Result(200, stored, apply_subset(services.definitions, body, subset))


def _find(
    services: Services,
    auth: AuthContext,
    decision: Decision,
    place: tuple[str, str],
    version: int,
) -> StoredResource | None:
    """Read a version as far as the caller may see it, and record what it gets."""
    row = audit_row(auth, "vread")
    if decision.unconfined:
        return vread_stored(services.database, *place, version, row)
    found = readable(services, auth, decision, look(services.database, *place))
    if found is not None and found.version != version:
        found = readable(services, auth, decision, look(services.database, *place, version))
    return judged(services, row, place, found)
