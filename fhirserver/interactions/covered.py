"""Hold single resources against what is granted: versions that are stored, and content to come.

A search and a read carry the decision in their statement. Old versions, and what a write would
leave behind, are in no index, so they are held against it here, by the index rows that they would
have. What a caller may not see looks absent to it.

A Binary lies in no compartment: its `securityContext` stands for it, as it is stored now (R4,
binary.html#security-context), and must be in reach to be read itself; its own labels count, too.
Without one a confined caller does not write it, and reads it by what it is attached to alone
(`attached`).
"""

from collections.abc import Sequence

from fhirserver.access import Access, AuthContext, Decision
from fhirserver.definitions import Definitions
from fhirserver.errors import ForbiddenError
from fhirserver.interactions.grants import granted_of
from fhirserver.interactions.types import Services
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.reference import parse_reference
from fhirserver.model.stored import StoredResource
from fhirserver.search.contained_people import contains_others
from fhirserver.search.extract import IndexRows, extract
from fhirserver.search.granted import Granted
from fhirserver.search.held import holds
from fhirserver.search.labelled import is_labelled
from fhirserver.store.read import peek


def sees(services: Services, auth: AuthContext, decision: Decision, stored: StoredResource) -> bool:
    """Whether a version lies within what is granted; a deleted one only where nothing confines."""
    if decision.unconfined:
        return True
    if stored.body is None:
        return False
    content = parse_json(stored.body)
    return _covers(services, auth, decision, content, rows_of(services, content))


def refuse_foreign(
    services: Services,
    auth: AuthContext,
    decision: Decision,
    content: JsonObject,
    rows: IndexRows,
    place: str,
) -> None:
    """Refuse content that would land outside what is granted.

    Args:
        services: find what stands for a Binary.
        auth: the caller.
        decision: the policy's answer.
        content: what would be written.
        rows: its index rows.
        place: what is written, for the message, e.g. "Observation/7".

    Raises:
        ForbiddenError: no grant covers the content.
    """
    if decision.unconfined or _covers(services, auth, decision, content, rows):
        return
    raise ForbiddenError(
        f"{place} would lie outside what the caller may write: refer to patients only for whom it "
        "may, contain no Patient or Person, keep within its scopes, and give no label in "
        "meta.security that its role may not see."
    )


def _covers(
    services: Services, auth: AuthContext, decision: Decision, content: JsonObject, rows: IndexRows
) -> bool:
    granted = granted_of(services, content["resourceType"], decision)
    if all(each.patients is None for each in granted):
        owners: set[str] = set()
    else:
        owners = _owners(services, auth, content, rows)
    definitions = services.definitions
    return any(
        (each.patients is None or _is_nobody_elses(each.patients, owners, rows, definitions))
        and fulfils(each, content, rows, definitions)
        for each in granted
    )


def fulfils(grant: Granted, content: JsonObject, rows: IndexRows, definitions: Definitions) -> bool:
    """Whether content fulfils what a grant asks for beside its patients. Pure."""
    if is_labelled(content["resourceType"], rows, grant.withheld, definitions):
        return False
    return all(holds(criterion, content["id"], rows) for criterion in grant.where)


def _is_nobody_elses(
    patients: Sequence[str], owners: set[str], rows: IndexRows, definitions: Definitions
) -> bool:
    """Whether content in the compartments of `owners` is about patients and nobody else. Pure."""
    if not owners or not owners.issubset(patients):
        return False
    return not contains_others(rows, patients, definitions)


def _owners(
    services: Services, auth: AuthContext, content: JsonObject, rows: IndexRows
) -> set[str]:
    """Name the patients in whose compartments content lies, by id."""
    match content["resourceType"]:
        case "Patient":
            return {content["id"]}
        case "Binary":
            return _context_owners(services, auth, content)
        case _:
            return {id_ for _, id_ in rows.patients}


def _context_owners(services: Services, auth: AuthContext, binary: JsonObject) -> set[str]:
    """Name the patients of what stands for a Binary; none where the caller may not read that."""
    literal = binary.get("securityContext", {}).get("reference", "")
    context = parse_reference(literal, services.settings.public_url)
    if context is None or context.type == "Binary":
        return set()
    if context.type not in services.definitions.resource_types:
        return set()
    decision = services.policy(auth, Access("read", context.type, context.id))
    if not decision.allowed:
        return set()
    if context.type == "Patient" and not any(each.withheld for each in decision.grants):
        return {context.id}
    body = peek(services.database, context.type, context.id)
    if body is None:
        return set()
    content = parse_json(body)
    rows = rows_of(services, content)
    if not (decision.unconfined or _covers(services, auth, decision, content, rows)):
        return set()
    return _owners(services, auth, content, rows)


def rows_of(services: Services, content: JsonObject) -> IndexRows:
    """Find the index rows that content would have."""
    base_url = services.settings.public_url
    return extract(content, definitions=services.definitions, base_url=base_url)
