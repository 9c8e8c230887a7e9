"""Who may do what: a decision narrows a plan before it becomes SQL.

A `Policy` looks at the caller and at the access wanted and returns a `Decision`. It is pure: it
never reads the store. Its clauses are ordinary search clauses, and every path by which data leaves
adds them to its own plan, so that totals, pages, includes, sort orders and history cannot leak.
"""

from fhirserver.access.context import TEST_RUN_HEADER, AuthContext
from fhirserver.access.decide import Access, Decision, Grant, Policy, allow_all
from fhirserver.access.rights import Rights
from fhirserver.access.scope import ANY_TYPE, Level, Right, Scope

__all__ = [
    "ANY_TYPE",
    "TEST_RUN_HEADER",
    "Access",
    "AuthContext",
    "Decision",
    "Grant",
    "Level",
    "Policy",
    "Right",
    "Rights",
    "Scope",
    "allow_all",
]
