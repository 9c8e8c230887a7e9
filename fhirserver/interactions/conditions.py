"""Conditional interactions: a search that must select one resource, safe against races.

Spec: https://hl7.org/fhir/R4/http.html#ccreate, #cond-update and #cdelete

The lock on the normalised query comes first, as a statement of its own; then the search; then the
write. Of many callers with the same condition one creates and the others find what it created.

What is to be changed or deleted is locked, and searched once more where it has another version by
then: somebody may have changed it so that the condition does not select it any more. Then all of it
is done again.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from fhirserver.access import AuthContext
from fhirserver.errors import InvalidRequestError, MultipleMatchesError, NotFoundError
from fhirserver.interactions.permit import confine, permit
from fhirserver.interactions.request_url import Pairs, parse_pairs
from fhirserver.interactions.searching import parse_search
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.types import Services
from fhirserver.search.context import SearchContext
from fhirserver.search.cursor import PARAMETER
from fhirserver.search.escape import escape, split, unescape
from fhirserver.search.query import Query
from fhirserver.search.results import RESULT_PARAMETERS
from fhirserver.store.search import find_matches
from fhirserver.store.write import StaleMatchError, WriteSession

_CONTROL = RESULT_PARAMETERS | {PARAMETER}


class Condition(NamedTuple):
    """A search that selects the resource to change.

    Attributes:
        type: resource type.
        pairs: parameters, decoded.
    """

    type: str
    pairs: Pairs

    @property
    def lock_key(self) -> str:
        """The normalised query: equal for conditions that differ in order or escapes only."""
        normal = {(name, _normal(value)) for name, value in self.pairs}
        return f"{self.type}?{sorted(normal)!r}"


def _normal(value: str) -> tuple[str, ...]:
    """Give the alternatives of a value in an order that does not depend on how it is written."""
    return tuple(sorted({_escaped_once(each) for each in split(value, ",")}))


def _escaped_once(text: str) -> str:
    parts = (split(part, "$") for part in split(text, "|"))
    return "|".join("$".join(escape(unescape(each)) for each in inner) for inner in parts)


def condition(type_: str, pairs: Sequence[tuple[str, str]]) -> Condition:
    """Check the parameters of a condition.

    Raises:
        InvalidRequestError: there are none, or one that selects nothing.
    """
    if not pairs:
        raise InvalidRequestError(
            f"The condition is empty; name the {type_} by parameters, e.g. identifier=value.",
            expression=("http.query",),
        )
    for name, _ in pairs:
        if name.partition(":")[0] in _CONTROL:
            raise InvalidRequestError(
                f"{name} does not select resources and cannot stand in a condition; leave it out.",
                expression=(f"http.{name}",),
            )
    return Condition(type_, tuple(pairs))


def condition_text(type_: str, query: str) -> Condition:
    """Read a condition from a query string, as If-None-Exist carries it.

    Raises:
        InvalidRequestError: malformed, empty, or with a parameter that selects nothing.
    """
    try:
        pairs = parse_pairs(query.strip().removeprefix("?"))
    except InvalidRequestError as error:
        raise InvalidRequestError(str(error), expression=("http.query",)) from None
    return condition(type_, pairs)


class Match(NamedTuple):
    """A resource that a condition selected, and its version at that moment."""

    id: str
    version: int


def parse_condition(
    services: Services, auth: AuthContext, session: WriteSession, wanted: Condition
) -> tuple[Query, SearchContext]:
    """Read a condition as a search, which the caller must be allowed.

    Raises:
        ForbiddenError: it may not search the type.
        FhirError: as `parse_search`.
    """
    permit(services, auth, "search-type", wanted.type)
    inside = replace(services, database=SessionDatabase(services.database, session))
    return parse_search(inside, auth, wanted.pairs, (wanted.type,))


def matching(
    services: Services, auth: AuthContext, session: WriteSession, wanted: Condition, most: int
) -> list[Match]:
    """Find what a condition selects, as far as the caller may know of it; `most` at most."""
    parsed, context = parse_condition(services, auth, session, wanted)
    found = find_matches(session.connection, parsed, context, confine(services, auth), most)
    return [Match(*each) for each in found]


def select(
    services: Services, auth: AuthContext, session: WriteSession, wanted: Condition, most: int = 1
) -> list[Match]:
    """Find what a condition selects, `most` at most.

    Raises:
        MultipleMatchesError: it selects more.
    """
    found = matching(services, auth, session, wanted, most + 1)
    refuse_several(wanted, len(found), most)
    return found


def lock_matches(
    services: Services,
    auth: AuthContext,
    session: WriteSession,
    selected: Sequence[tuple[Condition, Sequence[Match]]],
) -> None:
    """Lock what conditions selected, all in one statement, so that it stays what they select.

    Raises:
        StaleMatchError: a condition selects something else by now.
    """
    targets = [(wanted.type, match.id) for wanted, found in selected for match in found]
    if not targets:
        return
    locked = session.lock(targets)
    for wanted, found in selected:
        current = (locked[wanted.type, match.id] for match in found)
        if [match.version for match in found] == [each and each.version for each in current]:
            continue
        again = matching(services, auth, session, wanted, len(found) + 1)
        if {match.id for match in again} != {match.id for match in found}:
            raise StaleMatchError


def selects_none(wanted: Condition) -> NotFoundError:
    """Make the error of a condition that must select a resource."""
    return NotFoundError(
        f"The condition selects no {wanted.type} that the caller may see.",
        expression=("http.query",),
    )


def select_to_write(
    services: Services, auth: AuthContext, session: WriteSession, wanted: Condition
) -> str | None:
    """Find and lock the one resource that a condition selects; None where it selects none.

    Raises:
        MultipleMatchesError: it selects several.
        StaleMatchError: as `lock_matches`.
    """
    found = select(services, auth, session, wanted)
    lock_matches(services, auth, session, [(wanted, found)])
    return found[0].id if found else None


def refuse_several(wanted: Condition, count: int, most: int = 1) -> None:
    """Refuse a condition that selects more than it may. Pure.

    Raises:
        MultipleMatchesError: it does.
    """
    if count <= most:
        return
    several, fewer = ("several", "one") if most == 1 else (f"more than {most}", "fewer")
    raise MultipleMatchesError(
        f"The condition selects {several} {wanted.type} resources; make it select {fewer}.",
        expression=("http.query",),
    )
