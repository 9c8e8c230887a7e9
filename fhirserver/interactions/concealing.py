"""What a write tells of other resources: nothing of those that its caller may not see.

A reference to what is hidden is one to nothing. A resource counts as known here as far as its
patients are the caller's, whatever part of them scopes let it read: who writes an Observation of a
patient refers to that Patient. What is labelled beyond its clearance is not. Of what is in no
compartment:

    about nobody in particular   known to everybody who writes, also where its type is refused
    Binary                       what the caller reads, as whoever sees the referring resource may
                                 read it, too (`attached`)
    any other                    what the caller reads
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from fhirserver.access import IMPERSONAL, Access, AuthContext
from fhirserver.interactions.permit import confine
from fhirserver.interactions.read import readable
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.types import Services
from fhirserver.search.condition_sql import Row, test
from fhirserver.search.granted import EVERYTHING, Confine, Confined, Granted
from fhirserver.store.concealed import Conceal, beyond_reach
from fhirserver.store.identities import Identity
from fhirserver.store.read import look
from fhirserver.store.references import Integrity
from fhirserver.store.statement import StoreConnection
from fhirserver.store.write import Change, WriteSession

_INTERACTIONS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


def concealing(
    services: Services, auth: AuthContext, session: WriteSession, changes: Sequence[Change]
) -> Conceal:
    """Say what is concealed from whoever writes some changes.

    Args:
        services: know the policy.
        auth: the caller.
        session: in which it writes.
        changes: what it writes; their patients are known to it.
    """
    known = _known(services, auth, changes)
    definitions = services.definitions
    binary = definitions.type_id("Binary")

    def conceal(connection: StoreConnection, identities: Collection[Identity]) -> set[Identity]:
        binaries = {each for each in identities if each[0] == binary}
        if binaries and known("Binary") == EVERYTHING:
            binaries = set()
        others = {
            each
            for each in identities
            if each[0] != binary and known(definitions.type_name(each[0])) != EVERYTHING
        }
        hidden = _hidden_binaries(services, auth, session, binaries) if binaries else set()
        types = sorted({definitions.type_name(tid) for tid, _ in others})
        reach = Confined(definitions, known).in_reach(types) if types else None
        if reach is None:
            return hidden
        return hidden | beyond_reach(connection, others, test(reach, Row("r")))

    return conceal


def integrity_of(services: Services, auth: AuthContext, changes: Sequence[Change]) -> Integrity:
    """Say what becomes of references to nothing in some changes.

    It is as the operator has set it. Where somebody confined refers to a Binary, it is enforced: a
    reference lets others read a Binary, so one to what the caller may not read must not be stored.
    """
    if all(_unconfined(services, auth, each) for each in changes if _names_binary(each)):
        return services.settings.referential_integrity
    return "enforce"


def _names_binary(change: Change) -> bool:
    return change.rows is not None and any(each.type == "Binary" for each in change.rows.references)


def _known(services: Services, auth: AuthContext, changes: Sequence[Change]) -> Confine:
    read = confine(services, auth, "read")
    members = services.definitions.compartment("Patient")

    def known(type_: str) -> tuple[Granted, ...]:
        granted = read(type_)
        if members.get(type_):
            found = [replace(each, where=()) if each.patients else each for each in granted]
            return tuple(dict.fromkeys(found)) or _of_changes(services, auth, changes)
        if granted:
            return granted
        if type_ in IMPERSONAL or all(_unconfined(services, auth, each) for each in changes):
            return _unlabelled(services, auth, changes)
        return ()

    return known


def _of_changes(
    services: Services, auth: AuthContext, changes: Sequence[Change]
) -> tuple[Granted, ...]:
    """Grant the compartments that the changes themselves may lie in."""
    found: dict[Granted, None] = {}
    for each in changes:
        for grant in services.policy(auth, _access(each)).grants:
            found[Granted(grant.patients, withheld=grant.withheld)] = None
    return tuple(found)


def _unlabelled(
    services: Services, auth: AuthContext, changes: Sequence[Change]
) -> tuple[Granted, ...]:
    """Grant all but what is labelled beyond the clearance for the changes."""
    found = _of_changes(services, auth, changes)
    return tuple(dict.fromkeys(Granted(withheld=each.withheld) for each in found)) or EVERYTHING


def _unconfined(services: Services, auth: AuthContext, change: Change) -> bool:
    """Whether nothing but labels confines who makes a change; then it knows all it refers to."""
    grants = services.policy(auth, _access(change)).grants
    return any(each.patients is None and not each.where for each in grants)


def _access(change: Change) -> Access:
    return Access(_INTERACTIONS[change.method], change.type, change.id)


def _hidden_binaries(
    services: Services, auth: AuthContext, session: WriteSession, binaries: Collection[Identity]
) -> set[Identity]:
    """Return those Binaries that the caller may not read, stored or not."""
    inside = replace(services, database=SessionDatabase(services.database, session))
    return {each for each in binaries if not _reads_binary(inside, auth, each[1])}


def _reads_binary(services: Services, auth: AuthContext, id_: str) -> bool:
    decision = services.policy(auth, Access("read", "Binary", id_))
    stored = look(services.database, "Binary", id_)
    return decision.allowed and readable(services, auth, decision, stored) is not None
