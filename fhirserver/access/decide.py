"""Decisions: allowed or not, and narrowed by which clauses.

Types:
    Access    one thing wanted: an interaction on a type, maybe on one resource
    Decision  the answer; `patients` narrows it to Patient compartments (None: not narrowed)
    Policy    (AuthContext, Access) -> Decision, pure
"""

from collections.abc import Callable
from dataclasses import dataclass

from fhirserver.access.context import AuthContext


@dataclass(frozen=True, slots=True)
class Access:
    """What is wanted.

    Attributes:
        interaction: FHIR's code, e.g. "read", "search-type", "history-instance", "create".
        type: resource type; None for system-wide interactions, which ask once per type they touch.
        id: logical id where the interaction addresses one resource.
    """

    interaction: str
    type: str | None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What is granted.

    Attributes:
        allowed: False refuses the interaction altogether.
        reason: the rule that decided, for the audit record and for the caller's error.
        patients: logical ids of the patients whose compartments the caller is confined to; None
            where it is not confined. An empty tuple grants nothing.
    """

    allowed: bool
    reason: str
    patients: tuple[str, ...] | None = None


Policy = Callable[[AuthContext, Access], Decision]


def allow_all(_auth: AuthContext, _access: Access) -> Decision:
    """Grant everything: the policy of an open server on a loopback address."""
    return Decision(allowed=True, reason="open server")
