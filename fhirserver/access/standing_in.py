"""A policy by scopes alone, until there are roles and relations."""

from fhirserver.access.context import AuthContext
from fhirserver.access.decide import Access, Decision, Grant
from fhirserver.access.rights import Rights
from fhirserver.access.scope import ANY_TYPE, Right, Scope

_RIGHTS = {
    "read": Right.READ,
    "vread": Right.READ,
    "history-instance": Right.READ,
    "search-type": Right.SEARCH,
    "history-type": Right.SEARCH,
    "create": Right.CREATE,
    "update": Right.UPDATE,
    "patch": Right.UPDATE,
    "delete": Right.DELETE,
}


def smart_policy(auth: AuthContext, access: Access) -> Decision:
    """Grant what a scope names, and nothing without one."""
    if access.interaction == "capabilities":
        return Decision(allowed=True, reason="everybody may know what is offered")
    wanted = _RIGHTS.get(access.interaction)
    if auth.rights is None or wanted is None:
        return Decision(allowed=False, reason="no scope grants it", grants=())
    grants = tuple(
        _grant(scope, auth.rights)
        for scope in auth.rights.scopes
        if scope.type in (ANY_TYPE, access.type) and wanted in scope.rights
    )
    return Decision(bool(grants), "scopes" if grants else "no scope grants it", grants)


def _grant(scope: Scope, rights: Rights) -> Grant:
    if scope.level == "patient":
        return Grant(() if rights.patient is None else (rights.patient,), scope.where)
    return Grant(rights.patients if scope.level == "user" else None, scope.where)
