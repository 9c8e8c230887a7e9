"""Who may do what: a decision narrows a plan before it becomes SQL.

A `Policy` looks at the caller and at the access wanted and returns a `Decision`. It is pure: it
never reads the store. Its clauses are ordinary search clauses, and every path by which data leaves
adds them to its own plan, so that totals, pages, includes, sort orders and history cannot leak.

    scope, scope_text, scope_query    what a scope is, and its text
    scope_sets, scope_consent         what scopes have in common, and their parts
    type_groups, roles                types by kind; what a role may do with them
    clearance                         which security labels keep a resource from whom
    masks                             which elements are withheld from whom
    boundary                          what of a type is about certain patients
    needs, smart_policy, trace        what an interaction needs; the decision; how it came about
"""

from fhirserver.access.context import TEST_RUN_HEADER, AuthContext
from fhirserver.access.decide import Access, Decision, Grant, Policy, allow_all
from fhirserver.access.kept import keep_caller, principal, reaches_as_much, read_caller
from fhirserver.access.masks import Masks
from fhirserver.access.needs import NEEDS
from fhirserver.access.rights import Rights
from fhirserver.access.roles import ROLES, Role, effective_role, role_scopes
from fhirserver.access.scope import ANY_TYPE, Level, Right, Scope
from fhirserver.access.scope_consent import parts
from fhirserver.access.scope_sets import contains, intersect, reduced
from fhirserver.access.scope_text import (
    Asked,
    granted_scopes,
    parse_scopes,
    render,
    render_granted,
)
from fhirserver.access.smart_policy import smart_policy
from fhirserver.access.trace import Trace, trace
from fhirserver.access.type_groups import IMPERSONAL

__all__ = [
    "ANY_TYPE",
    "IMPERSONAL",
    "NEEDS",
    "ROLES",
    "TEST_RUN_HEADER",
    "Access",
    "Asked",
    "AuthContext",
    "Decision",
    "Grant",
    "Level",
    "Masks",
    "Policy",
    "Right",
    "Rights",
    "Role",
    "Scope",
    "Trace",
    "allow_all",
    "contains",
    "effective_role",
    "granted_scopes",
    "intersect",
    "keep_caller",
    "parse_scopes",
    "parts",
    "principal",
    "reaches_as_much",
    "read_caller",
    "reduced",
    "render",
    "render_granted",
    "role_scopes",
    "smart_policy",
    "trace",
]
