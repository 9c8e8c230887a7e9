"""Decisions: allowed or not, and narrowed by which clauses.

Types:
    Access    one thing wanted: an interaction on a type, maybe on one resource
    Grant     one reason for which a resource is in reach: compartments and criteria
    Decision  the answer: a resource is in reach if one of its grants covers it
    Policy    (AuthContext, Access) -> Decision, pure
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from fhirserver.access.context import AuthContext
from fhirserver.access.masks import Masks


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
class Grant:
    """Resources in reach: those that fulfil everything said here.

    A resource in the compartments of several patients is in reach only if all of them are granted:
    nobody learns of another by what they have in common.

    Attributes:
        patients: logical ids of the patients in whose compartments it may lie; None where that
            does not matter. An empty tuple grants nothing.
        where: search parameters and values of its type, all of which must hold, e.g.
            (("category", "laboratory"),).
        withheld: security labels, by code and sorted; none of them may be on the resource.
    """

    patients: tuple[str, ...] | None = None
    where: tuple[tuple[str, str], ...] = ()
    withheld: tuple[str, ...] = ()


EVERYTHING = (Grant(),)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is granted.

    Attributes:
        allowed: False refuses the interaction altogether.
        reason: the rule that decided, for the audit record and for the caller's error.
        grants: a resource is in reach if one of them covers it; none grant nothing.
        scope: where it is refused, one that would have been enough; "" where none would.
        masks: elements that are withheld from the caller, of every type, whatever is granted.
    """

    allowed: bool
    reason: str
    grants: tuple[Grant, ...] = EVERYTHING
    scope: str = ""
    masks: Masks = field(default_factory=dict, hash=False)

    @property
    def patients(self) -> tuple[str, ...] | None:
        """The patients that every grant together confines to; None where one of them does not."""
        ids: dict[str, None] = {}
        for grant in self.grants:
            if grant.patients is None:
                return None
            ids |= dict.fromkeys(grant.patients)
        return tuple(ids)

    @property
    def unconfined(self) -> bool:
        """Whether every resource is in reach."""
        return Grant() in self.grants


Policy = Callable[[AuthContext, Access], Decision]


def allow_all(_auth: AuthContext, _access: Access) -> Decision:
    """Grant everything: the policy of an open server on a loopback address."""
    return Decision(allowed=True, reason="open server")
