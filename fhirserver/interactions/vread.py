"""vread: one version of one resource.

Spec: https://hl7.org/fhir/R4/http.html#vread
"""

import re

from fhirserver.access import AuthContext
from fhirserver.audit import audit_row
from fhirserver.interactions.permit import permit
from fhirserver.interactions.read import absent, present
from fhirserver.interactions.subset import apply_subset, read_subset
from fhirserver.interactions.types import Query, Result, Services
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
    found = vread_stored(services.database, type_, id_, int(version), audit_row(auth, "vread"))
    stored, body = present(services, decision, found, place)
    return Result(200, stored, apply_subset(services.definitions, body, subset))
