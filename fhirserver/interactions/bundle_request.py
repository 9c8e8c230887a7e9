"""One entry of a Bundle as the interaction that it asks for.

A batch runs every entry through here; a transaction runs its GETs through here, over its own
database connection, so that they see what it wrote.
"""

import base64
import binascii
from collections.abc import Callable

from fhirserver.access import AuthContext
from fhirserver.definitions import Definitions
from fhirserver.errors import InvalidRequestError
from fhirserver.interactions.capabilities import capabilities
from fhirserver.interactions.create import create
from fhirserver.interactions.delete import delete, delete_conditional
from fhirserver.interactions.history_instance import history_instance
from fhirserver.interactions.history_system import history_system
from fhirserver.interactions.history_type import history_type
from fhirserver.interactions.patch import patch, patch_conditional
from fhirserver.interactions.patch_formats import FHIRPATH_PATCH, check_patch_format, parse_patch
from fhirserver.interactions.provenance import recorded
from fhirserver.interactions.read import read
from fhirserver.interactions.search_compartment import search_compartment
from fhirserver.interactions.search_system import search_system
from fhirserver.interactions.search_type import search_type
from fhirserver.interactions.transaction_entries import Entry
from fhirserver.interactions.types import Patch, Query, Result, Services
from fhirserver.interactions.update import update, update_conditional
from fhirserver.interactions.vread import vread
from fhirserver.model.json import JsonObject

Perform = Callable[[Services, AuthContext, Entry], Result]


def perform(services: Services, auth: AuthContext, entry: Entry) -> Result:
    """Run the interaction of an entry.

    Raises:
        FhirError: whatever the interaction raises.
    """
    interaction = _PERFORM[entry.target.interaction]
    result = recorded(
        services, auth, entry.options.provenance, lambda inside: interaction(inside, auth, entry)
    )
    if entry.method not in ("GET", "HEAD"):
        return result
    if result.stored is not None and entry.is_current(result.stored):
        return Result(304, result.stored)
    return Result(result.status, result.stored) if entry.method == "HEAD" else result


def patch_document(definitions: Definitions, entry: Entry) -> Patch:
    """Take the patch out of an entry.

    Spec: https://hl7.org/fhir/R4/http.html#patch: Parameters are a FHIRPath Patch; other formats
    travel as a Binary.

    Raises:
        InvalidRequestError: the entry carries neither.
        FhirError: the Binary holds no patch of a format that is offered.
    """
    resource: JsonObject = entry.resource or {}
    if resource.get("resourceType") == "Parameters":
        return Patch(FHIRPATH_PATCH, resource)
    if resource.get("resourceType") == "Binary":
        media_type = str(resource.get("contentType", "")).partition(";")[0].strip().lower()
        check_patch_format(media_type, "Binary.contentType")
        return parse_patch(definitions, media_type, _binary_data(resource))
    raise InvalidRequestError(
        f"{entry.path}.resource of a PATCH is a Parameters resource (FHIRPath Patch) or a Binary "
        "that holds the patch.",
        expression=(f"{entry.path}.resource",),
    )


def _binary_data(resource: JsonObject) -> bytes:
    try:
        return base64.b64decode(str(resource.get("data", "")), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidRequestError(
            "Binary.data is not base64.", expression=("Binary.data",)
        ) from None


def _query(entry: Entry) -> Query:
    return Query(entry.target.pairs)


def _type(entry: Entry) -> str:
    assert entry.target.type is not None
    return entry.target.type


def _id(entry: Entry) -> str:
    assert entry.target.id is not None
    return entry.target.id


def _compartment(services: Services, auth: AuthContext, entry: Entry) -> Result:
    target = entry.target
    assert target.compartment is not None
    return search_compartment(
        services, auth, target.compartment, _id(entry), target.type, _query(entry)
    )


_PERFORM: dict[str, Perform] = {
    "read": lambda s, a, e: read(s, a, _type(e), _id(e), _query(e)),
    "vread": lambda s, a, e: vread(s, a, _type(e), _id(e), e.target.version or "", _query(e)),
    "create": lambda s, a, e: create(s, a, _type(e), e.resource, e.options),
    "update": lambda s, a, e: update(s, a, _type(e), _id(e), e.resource, e.options),
    "patch": lambda s, a, e: patch(
        s, a, _type(e), _id(e), patch_document(s.definitions, e), e.options
    ),
    "delete": lambda s, a, e: delete(s, a, _type(e), _id(e), e.options),
    "conditional-update": lambda s, a, e: update_conditional(
        s, a, _type(e), _query(e), e.resource, e.options
    ),
    "conditional-patch": lambda s, a, e: patch_conditional(
        s, a, _type(e), _query(e), patch_document(s.definitions, e), e.options
    ),
    "conditional-delete": lambda s, a, e: delete_conditional(s, a, _type(e), _query(e), e.options),
    "search-type": lambda s, a, e: search_type(s, a, _type(e), _query(e)),
    "search-system": lambda s, a, e: search_system(s, a, _query(e)),
    "search-compartment": _compartment,
    "history-instance": lambda s, a, e: history_instance(s, a, _type(e), _id(e), _query(e)),
    "history-type": lambda s, a, e: history_type(s, a, _type(e), _query(e)),
    "history-system": lambda s, a, e: history_system(s, a, _query(e)),
    "capabilities": lambda s, a, e: capabilities(s, a, _query(e)),
}
