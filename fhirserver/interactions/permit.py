"""Ask the policy, and hold single resources against its answer.

A search carries the decision in its plan. Reads and writes of one resource hold the resource's own
compartments against it here: a confined caller sees what lies in a granted patient's compartment
and writes what lies in granted compartments only. What it may not see looks absent to it.

A Binary lies in no compartment: its `securityContext` stands for it, as it is stored now (R4,
binary.html#security-context). Without one a confined caller neither sees nor writes it.
"""

from collections.abc import Callable

from fhirserver.access import Access, AuthContext, Decision
from fhirserver.errors import ForbiddenError
from fhirserver.interactions.types import Services
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.reference import parse_reference
from fhirserver.model.stored import StoredResource
from fhirserver.search.extract import IndexRows, extract
from fhirserver.store.read import peek


def permit(
    services: Services,
    auth: AuthContext,
    interaction: str,
    type_: str | None,
    id_: str | None = None,
) -> Decision:
    """Ask the policy for one access.

    Raises:
        ForbiddenError: refused; the reason is the policy's.
    """
    decision = services.policy(auth, Access(interaction, type_, id_))
    if not decision.allowed:
        place = type_ or "the system"
        raise ForbiddenError(f"The caller may not {interaction} on {place}: {decision.reason}.")
    return decision


def confine(services: Services, auth: AuthContext) -> Callable[[str], tuple[str, ...] | None]:
    """Give what a search asks for each type it touches, as match, include or link of a chain.

    Returns:
        A function of a type: the patients it is confined to, () where it is refused, None where
        nothing confines.
    """

    def patients(type_: str) -> tuple[str, ...] | None:
        decision = services.policy(auth, Access("search-type", type_))
        return decision.patients if decision.allowed else ()

    return patients


def sees(services: Services, decision: Decision, stored: StoredResource) -> bool:
    """Whether a version lies within what is granted; a deleted one only where nothing confines."""
    if decision.patients is None:
        return True
    if stored.body is None:
        return False
    owners = compartment_patients(services, parse_json(stored.body))
    return not owners.isdisjoint(decision.patients)


def refuse_foreign(
    services: Services, decision: Decision, content: JsonObject, rows: IndexRows, place: str
) -> None:
    """Refuse content that would land outside the granted compartments.

    Args:
        services: find what stands for a Binary.
        decision: the policy's answer.
        content: what would be written.
        rows: its index rows, which name its compartments.
        place: what is written, for the message, e.g. "Observation/7".

    Raises:
        ForbiddenError: the content lies in no compartment, or in one that is not granted.
    """
    if decision.patients is None:
        return
    owners = {id_ for _, id_ in rows.patients} or _context_patients(services, content)
    if not owners or not owners.issubset(decision.patients):
        raise ForbiddenError(
            f"{place} would lie outside the patients that the caller may write for; "
            "refer to a granted patient only."
        )


def compartment_patients(services: Services, resource: JsonObject) -> set[str]:
    """Name the patients in whose compartments a resource lies, by id."""
    rows = extract(
        resource, definitions=services.definitions, base_url=services.settings.public_url
    )
    return {id_ for _, id_ in rows.patients} or _context_patients(services, resource)


def _context_patients(services: Services, resource: JsonObject) -> set[str]:
    """Name the patients of what stands for a Binary, by id; none for anything else."""
    if resource["resourceType"] != "Binary":
        return set()
    literal = resource.get("securityContext", {}).get("reference", "")
    context = parse_reference(literal, services.settings.public_url)
    if context is None or context.type not in services.definitions.resource_types:
        return set()
    if context.type == "Patient":
        return {context.id}
    body = None if context.type == "Binary" else peek(services.database, context.type, context.id)
    return set() if body is None else compartment_patients(services, parse_json(body))
