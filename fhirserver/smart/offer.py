"""What an application can get of what it asked for, and what a person may choose of that.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html

    granted = asked for, and registered for the client, and allowed to the role, and chosen

A scope for all types (`*`) stays one as long as the role may do some of it: what the role may not
is refused with every request. `system/` scopes are for clients of their own.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from fhirserver.access import ANY_TYPE, Scope
from fhirserver.access.roles import role_scopes
from fhirserver.access.scope_consent import parts
from fhirserver.access.scope_sets import contains, intersect
from fhirserver.access.scope_text import Asked, parse_scopes, render, render_granted
from fhirserver.definitions import Definitions
from fhirserver.smart.clients import Client
from fhirserver.smart.plain_words import scope_words

CONTEXTS = frozenset(
    ("openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter")
)
REFRESHING = ("offline_access", "online_access")
_LASTING = {
    "offline_access": "It may go on doing so when you are not there, until you take that back.",
    "online_access": "It may go on doing so as long as you are logged in.",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """A scope that a person may grant or leave out.

    Attributes:
        text: of the scope, by which a form names it.
        scope: it.
        name: of a part, in plain words; "" of a whole.
        parts: what may be chosen instead.
    """

    text: str
    scope: Scope
    name: str = ""
    parts: tuple[Choice, ...] = ()

    @property
    def words(self) -> str:
        """Say in plain words what it grants."""
        return scope_words(self.scope)


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be granted.

    Attributes:
        asked: what the application asked for.
        resources: scopes for resources.
        others: scopes of identity, launch and refresh.
    """

    asked: Asked
    resources: tuple[Scope, ...]
    others: tuple[str, ...]

    @property
    def text(self) -> str:
        """Write all of it as scopes."""
        return self.granted(self.resources, self.others)

    @property
    def needs_patient(self) -> bool:
        """Whether a patient has to be in context."""
        return "launch/patient" in self.others or any(
            scope.level == "patient" for scope in self.resources
        )

    @property
    def refreshing(self) -> str:
        """Say in plain words how long access may last; "" where it ends within the hour."""
        return next((_LASTING[each] for each in self.others if each in _LASTING), "")

    @property
    def choices(self) -> tuple[Choice, ...]:
        """List what a person may leave out."""
        return tuple(
            Choice(
                render(scope),
                scope,
                parts=tuple(
                    Choice(render(each.scope), each.scope, each.name) for each in parts(scope)
                ),
            )
            for scope in self.resources
        )

    def granted(self, resources: tuple[Scope, ...], others: tuple[str, ...]) -> str:
        """Write scopes as they were asked for."""
        return " ".join(filter(None, (render_granted(resources, self.asked), *others)))

    def chosen(self, ticked: Container[str], *, refreshing: bool) -> str:
        """Write what a person chose; what was not offered cannot be chosen.

        Args:
            ticked: texts of choices and parts.
            refreshing: whether access may last.

        Returns:
            Scopes; "" where nothing was chosen.
        """
        kept: dict[Scope, None] = {}
        for choice in self.choices:
            options = (choice,) if choice.text in ticked else choice.parts
            kept |= dict.fromkeys(each.scope for each in options if each.text in ticked)
        others = tuple(each for each in self.others if refreshing or each not in REFRESHING)
        if self.resources and not kept:
            return ""
        return self.granted(tuple(kept), others)


def make_offer(
    text: str, client: Client, role: str, definitions: Definitions, *, trained: bool
) -> Offer:
    """Say what can be granted of what was asked for. Pure.

    Args:
        text: scopes as asked.
        client: who asks.
        role: of the person.
        definitions: types and search parameters.
        trained: whether the person's training counts.
    """
    asked = parse_scopes(text, definitions)
    registered = parse_scopes(client.scopes, definitions)
    of_client = intersect(
        (scope for scope in asked.resources if scope.level != "system"), registered.resources
    )
    allowed = role_scopes(role, trained=trained)
    found: dict[Scope, None] = {}
    for scope in of_client:
        within = intersect((scope,), allowed)
        found |= dict.fromkeys((scope,) if within and scope.type == ANY_TYPE else within)
    others = [each for each in asked.others if each in registered.others and _works(each)]
    if set(REFRESHING) <= set(others):
        others.remove("online_access")
    return Offer(asked, tuple(found), tuple(others))


def is_within(text: str, consented: str, definitions: Definitions) -> bool:
    """Whether scopes are all held by those of an earlier consent. Pure."""
    wanted, given = parse_scopes(text, definitions), parse_scopes(consented, definitions)
    return set(wanted.others) <= set(given.others) and all(
        contains(given.resources, scope) for scope in wanted.resources
    )


def _works(context: str) -> bool:
    return context in CONTEXTS or context in REFRESHING
