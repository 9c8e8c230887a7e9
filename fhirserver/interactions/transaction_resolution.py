"""Which resource each write of a transaction means, once the database has been asked.

Spec: https://hl7.org/fhir/R4/http.html#trules

    POST with ifNoneExist      none: create     one: nothing is written, links go to the match
    PUT Type?query             none: create     one: update the match
    PATCH Type?query           none: 404        one: patch the match
    DELETE Type?query          none: nothing    one: delete the match
    several matches            412, naming the entry; a delete may be allowed several

Deletes come first, so a create's condition does not see what they delete.

No resource may be written twice: "If any resource identities (including resolved identities from
conditional update/delete) overlap in steps 1-3, then the transaction SHALL fail".
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from fhirserver.access import AuthContext
from fhirserver.errors import (
    FhirError,
    InvalidRequestError,
    MultipleMatchesError,
    PreconditionFailedError,
)
from fhirserver.interactions.conditions import (
    Condition,
    Match,
    condition_text,
    lock_matches,
    refuse_several,
    selects_none,
)
from fhirserver.interactions.conditions_alike import Conditions
from fhirserver.interactions.searching import newest, search_context
from fhirserver.interactions.transaction_entries import at_entry
from fhirserver.interactions.transaction_matches import BundleMatcher, Candidate
from fhirserver.interactions.transaction_plan import PlannedWrite
from fhirserver.interactions.types import Services
from fhirserver.interactions.update import conditional_id
from fhirserver.search.context import SearchContext
from fhirserver.store.write import WriteSession


@dataclass(frozen=True, slots=True)
class ResolvedWrite:
    """A planned write and what its condition selected.

    Attributes:
        plan: what was planned.
        id: of the resource it means; None where there is nothing to do.
        matched: the condition selected it.
    """

    plan: PlannedWrite
    id: str | None
    matched: bool

    @property
    def is_written(self) -> bool:
        """Whether the store has something to do: not for a create that found its match."""
        return self.id is not None and not (self.matched and self.plan.entry.method == "POST")

    @property
    def target(self) -> str | None:
        """What links to this entry become, e.g. "Patient/1"."""
        return None if self.id is None else f"{self.plan.type}/{self.id}"


def resolve_writes(
    services: Services, auth: AuthContext, session: WriteSession, writes: Sequence[PlannedWrite]
) -> list[ResolvedWrite]:
    """Lock all conditions in sorted order, search each, and lock what is to be changed.

    Args:
        services: what the interaction works with.
        auth: the caller.
        session: the transaction.
        writes: in R4's processing order, deletes first.

    Returns:
        One for each write, in their order; of a conditional delete of several one for each.

    Raises:
        FhirError: a condition that selects several, or none where it must; two writes of one
            resource. The issues name the entries.
        StaleMatchError: what was selected has changed; the session must be run again.
    """
    wanted = [write.condition for write in writes if write.condition is not None]
    if wanted:
        session.lock_conditions(sorted({each.lock_key for each in wanted}))
    limit = services.settings.conditional_delete_limit
    resolver = _Resolver(Conditions(services, auth, session, wanted), limit)
    for write in writes:
        try:
            resolver.resolve(write)
        except FhirError as error:
            raise at_entry(error, write.entry.path) from None
    _refuse_overlaps(resolver.resolved)
    lock_matches(services, auth, session, resolver.selected)
    return resolver.resolved


class _Resolver:
    """Resolves writes one after the other.

    Args:
        conditions: all of them.
        limit: resources that one conditional delete may delete.

    Attributes:
        resolved: what they mean.
        selected: conditions whose matches are to be changed, and those.
    """

    def __init__(self, conditions: Conditions, limit: int) -> None:
        self._conditions = conditions
        self._limit = limit
        self._deleted: dict[str, set[str]] = {}
        self.resolved: list[ResolvedWrite] = []
        self.selected: list[tuple[Condition, list[Match]]] = []

    def resolve(self, write: PlannedWrite) -> None:
        """Find out what a write means."""
        if write.condition is None:
            found = [write.id]
        else:
            found = [match.id for match in self._matches(write, write.condition)]
        if write.entry.method == "DELETE":
            self._deleted.setdefault(write.type, set()).update(filter(None, found))
        matched = write.condition is not None and bool(found)
        for id_ in found or [write.id]:
            self.resolved.append(ResolvedWrite(write, id_, matched))

    def _matches(self, write: PlannedWrite, wanted: Condition) -> list[Match]:
        method = write.entry.method
        if method == "POST":
            return self._left(wanted)
        most = self._limit if method == "DELETE" else 1
        found = self._conditions.matching(wanted, most + 1)
        refuse_several(wanted, len(found), most)
        if not found and method == "PATCH":
            raise selects_none(wanted)
        if found and method == "PUT":
            sent = (write.entry.resource or {}).get("id")
            conditional_id(write.type, found[0].id, sent, found[0].id)
        self.selected.append((wanted, found))
        return found

    def _left(self, wanted: Condition) -> list[Match]:
        """Find what the deletes of the same Bundle, which come first, leave of a condition."""
        deleted = self._deleted.get(wanted.type, set())
        found = self._conditions.matching(wanted, 2 + len(deleted))
        left = [match for match in found if match.id not in deleted]
        refuse_several(wanted, len(left))
        return left


def _refuse_overlaps(resolved: Sequence[ResolvedWrite]) -> None:
    """Refuse two writes of one resource, and two creates under one condition."""
    seen: dict[str, ResolvedWrite] = {}
    for each in resolved:
        condition = each.plan.condition
        names = [each.target] if each.is_written and each.target is not None else []
        if each.is_written and condition is not None and not each.matched:
            names.append(condition.lock_key)
        for name in names:
            other = seen.setdefault(name, each)
            if other is not each:
                raise _overlap(other, each)


def _overlap(first: ResolvedWrite, second: ResolvedWrite) -> InvalidRequestError:
    places = sorted((first.plan.entry, second.plan.entry), key=lambda entry: entry.index)
    what = first.target if first.target == second.target else "the same condition"
    return InvalidRequestError(
        f"{places[0].path} and {places[1].path} both write {what}; a resource may stand only "
        "once in a transaction.",
        expression=(places[0].path, places[1].path),
    )


def resolve_references(
    services: Services,
    auth: AuthContext,
    session: WriteSession,
    resolved: Sequence[ResolvedWrite],
) -> Mapping[tuple[str, str], str]:
    """Search every conditional reference once.

    Returns:
        "Type/id" by (type, query) as it stands in the references.

    Raises:
        PreconditionFailedError: one selects nothing, or several; names the entry.
    """
    wanted: dict[tuple[str, str], ResolvedWrite] = {}
    for each in resolved:
        for place in each.plan.places:
            if place.search is not None and each.is_written:
                wanted.setdefault(place.search, each)
    if not wanted:
        return {}
    conditions = Conditions(services, auth, session, _readable(wanted))
    context = search_context(newest(services), auth, connection=session.connection)
    references = _References(conditions, context, resolved)
    found = {}
    for search, each in wanted.items():
        try:
            found[search] = f"{search[0]}/{references.find(search)}"
        except FhirError as error:
            raise at_entry(error, each.plan.entry.path) from None
    return found


def _readable(searches: Iterable[tuple[str, str]]) -> Iterator[Condition]:
    """Read conditional references; one that cannot be read is refused in its turn."""
    for search in searches:
        with suppress(InvalidRequestError):
            yield condition_text(*search)


class _References:
    """Finds the one resource that a conditional reference means.

    Args:
        conditions: those that can be read.
        context: surroundings of the queries.
        resolved: all writes.
    """

    def __init__(
        self, conditions: Conditions, context: SearchContext, resolved: Sequence[ResolvedWrite]
    ) -> None:
        self._conditions = conditions
        self._deleted: dict[str, set[str]] = {}
        candidates: dict[str, list[Candidate]] = {}
        for each in resolved:
            if each.plan.entry.method == "DELETE" and each.id is not None:
                self._deleted.setdefault(each.plan.type, set()).add(each.id)
            resource = each.plan.content
            if each.is_written and resource is not None:
                assert each.id is not None
                candidates.setdefault(each.plan.type, []).append(Candidate(each.id, resource))
        self._candidates = candidates
        self._matcher = BundleMatcher(context, candidates)

    def find(self, search: tuple[str, str]) -> str:
        """Give the id that a conditional reference means.

        Raises:
            PreconditionFailedError: it selects nothing.
            MultipleMatchesError: it selects several.
        """
        wanted = condition_text(*search)
        here = self._matcher.matches(wanted)
        overruled = set(self._deleted.get(wanted.type, ()))
        if here is not None:
            overruled |= {each.id for each in self._candidates.get(wanted.type, ())}
        stored = self._conditions.matching(wanted, 2 + len(overruled))
        found = ({match.id for match in stored} - overruled) | (here or set())
        text = f"{search[0]}?{search[1]}"[:200]
        if not found:
            raise PreconditionFailedError(
                f"The reference {text!r} selects nothing; store its target first."
            )
        if len(found) > 1:
            raise MultipleMatchesError(
                f"The reference {text!r} selects several resources; make it select one."
            )
        return found.pop()
