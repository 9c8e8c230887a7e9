"""What an operation is, and what it is called with.

Spec: https://hl7.org/fhir/R4/operations.html
"""

from collections.abc import Callable
from dataclasses import dataclass

from fhirserver.access import AuthContext
from fhirserver.interactions import Level, Preference, Query, Result, Services
from fhirserver.model.json import JsonValue


@dataclass(frozen=True, slots=True)
class Call:
    """One invocation.

    Attributes:
        services: what operations work with.
        auth: the caller.
        type: resource type of the URL; None at system level.
        id: logical id of the URL; None above instance level.
        query: parameters of the URL.
        content: parsed body of any shape; None where there is none.
        prefer: what the answer's body should be; None where the caller does not say.
    """

    services: Services
    auth: AuthContext
    type: str | None
    id: str | None
    query: Query
    content: JsonValue
    prefer: Preference | None = None

    @property
    def level(self) -> Level:
        """Where it was invoked."""
        return level_of(self.type, self.id)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation.

    Attributes:
        code: name without "$".
        definition: canonical of its OperationDefinition; of ours its address below the base.
        levels: where it may be invoked.
        types: resource types it exists for; None for all.
        affects_state: whether it may change something; then GET is refused.
        run: does it.
        document: of ours the OperationDefinition, without id and url.
        statuses: of its answers where it succeeds.
    """

    code: str
    definition: str
    levels: frozenset[Level]
    types: frozenset[str] | None
    affects_state: bool
    run: Callable[[Call], Result]
    document: bytes | None = None
    statuses: tuple[int, ...] = (200,)


def level_of(type_: str | None, id_: str | None) -> Level:
    """Tell the level of an address."""
    if type_ is None:
        return "system"
    return "type" if id_ is None else "instance"
