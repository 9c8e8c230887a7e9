"""What a write tells of other resources: nothing of those that its caller may not see.

A reference to what is hidden is one to nothing. A resource counts as known here as far as its
patients are the caller's, whatever part of them scopes let it read: who writes an Observation of a
patient refers to that Patient. What is about no patient is known to everybody who writes.
"""

from collections.abc import Collection, Sequence

from fhirserver.access import Access, AuthContext
from fhirserver.interactions.permit import confine
from fhirserver.interactions.types import Services
from fhirserver.search.condition_sql import Row, test
from fhirserver.search.granted import EVERYTHING, Confine, Confined, Granted
from fhirserver.store.concealed import Conceal, beyond_reach
from fhirserver.store.identities import Identity
from fhirserver.store.statement import StoreConnection
from fhirserver.store.write import Change

_INTERACTIONS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def concealing(services: Services, auth: AuthContext, changes: Sequence[Change]) -> Conceal:
    """Say what is concealed from whoever writes some changes.

    Args:
        services: know the policy.
        auth: the caller.
        changes: what it writes; their patients are known to it.
    """
    known = _known(services, auth, changes)

    def conceal(connection: StoreConnection, identities: Collection[Identity]) -> set[Identity]:
        definitions = services.definitions
        types = sorted({definitions.type_name(tid) for tid, _ in identities})
        reach = Confined(definitions, known).in_reach(types)
        if reach is None:
            return set()
        return beyond_reach(connection, identities, test(reach, Row("r")))

    return conceal


def _known(services: Services, auth: AuthContext, changes: Sequence[Change]) -> Confine:
    read = confine(services, auth, "read")
    members = services.definitions.compartment("Patient")

    def known(type_: str) -> tuple[Granted, ...]:
        granted = read(type_)
        if not members.get(type_):
            return granted or EVERYTHING
        found = [Granted(each.patients) if each.patients else each for each in granted]
        return tuple(dict.fromkeys(found)) or _of_changes(services, auth, changes)

    return known


def _of_changes(
    services: Services, auth: AuthContext, changes: Sequence[Change]
) -> tuple[Granted, ...]:
    """Grant the compartments that the changes themselves may lie in."""
    found: dict[Granted, None] = {}
    for each in changes:
        access = Access(_INTERACTIONS[each.method], each.type, each.id)
        decision = services.policy(auth, access)
        if decision.allowed:
            found[Granted(decision.patients)] = None
    return tuple(found)
