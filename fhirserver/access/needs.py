"""What each interaction needs of its caller: a right, or an office.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html; interactions are
those of https://hl7.org/fhir/R4/valueset-restful-interaction.html, operations have their own names.

An interaction that is not listed is refused. Those of the whole system are asked again for every
type that they touch; of the gates, entries and resources are asked for one by one. A conditional
interaction needs `search-type` besides.
"""

from dataclasses import dataclass

from fhirserver.access.scope import Right


@dataclass(frozen=True, slots=True)
class Need:
    """What an interaction needs.

    Attributes:
        right: on the type; None where no single one is enough or needed.
        open: nobody needs a token for it.
        administers: the role must administer.
    """

    right: Right | None = None
    open: bool = False
    administers: bool = False


_READ = Need(Right.READ)
_SEARCH = Need(Right.SEARCH)
_GATE = Need()

NEEDS: dict[str, Need] = {
    "capabilities": Need(open=True),
    "read": _READ,
    "vread": _READ,
    "history-instance": _READ,
    "search-type": _SEARCH,
    "search-system": _SEARCH,
    "history-type": _SEARCH,
    "history-system": _SEARCH,
    "create": Need(Right.CREATE),
    "update": Need(Right.UPDATE),
    "patch": Need(Right.UPDATE),
    "delete": Need(Right.DELETE),
    "batch": _GATE,
    "transaction": _GATE,
    "validate": _GATE,
    "fhirpath": _GATE,
    "explain-access": _GATE,
    "explain-access-of-others": Need(administers=True),
    "run": Need(administers=True),
    "search-explain": Need(Right.SEARCH, administers=True),
    "label": Need(Right.UPDATE, administers=True),
}
