"""Grants of a decision as searches test them: with their criteria parsed.

A criterion that cannot be told exactly grants nothing and is never left out: a parameter that is
unknown, not offered, or still being indexed for refuses the access, and so does one that cannot be
held against a single resource.
"""

from functools import lru_cache

from fhirserver.access import Decision, Grant, Masks
from fhirserver.definitions import Definitions
from fhirserver.errors import FhirError, ForbiddenError
from fhirserver.interactions.types import Services
from fhirserver.search.condition_sql import Row, test
from fhirserver.search.context import SearchContext
from fhirserver.search.criteria import Given, parse_clause
from fhirserver.search.granted import EVERYTHING, Confined, Granted
from fhirserver.search.held import can_be_held
from fhirserver.search.query import Criterion
from fhirserver.store.named import Named, named

Where = tuple[tuple[str, str], ...]


def granted_of(services: Services, type_: str, decision: Decision) -> tuple[Granted, ...]:
    """Say what of a type a decision puts in reach.

    Args:
        services: know the search parameters.
        type_: resource type that the decision is about.
        decision: the policy's; one that refuses grants nothing.

    Raises:
        ForbiddenError: a criterion that nothing can be tested by.
    """
    if not decision.allowed:
        return ()
    if decision.unconfined:
        return EVERYTHING
    return tuple(
        Granted(each.patients, _criteria(services, type_, each, decision.masks), each.withheld)
        for each in dict.fromkeys(decision.grants)
        if each.patients != ()
    )


def reach_of(services: Services, type_: str, decision: Decision) -> Named | None:
    """Test that a row `r` of `resource` is in reach of a decision; None where all of them are.

    Raises:
        ForbiddenError: as `granted_of`.
    """
    if decision.unconfined:
        return None
    return _tested(services.definitions, type_, granted_of(services, type_, decision))


@lru_cache(maxsize=1024)
def _tested(definitions: Definitions, type_: str, granted: tuple[Granted, ...]) -> Named | None:
    """Write the test for what is granted; most requests of a caller need the same. Pure."""
    condition = Confined(definitions, lambda _type: granted).in_reach((type_,))
    return None if condition is None else named(test(condition, Row("r")))


def _criteria(services: Services, type_: str, grant: Grant, masks: Masks) -> tuple[Criterion, ...]:
    """Parse criteria; what is withheld from the caller is none, or its results would tell of it."""
    if not grant.where:
        return ()
    base_url, hidden = services.settings.public_url, masks.get(type_, ())
    specification = services.definitions.specification
    found = _parsed(specification, base_url, type_, grant.where, hidden)
    if found is None:
        newest = services.database.current_definitions()
        found = _parsed(newest, base_url, type_, grant.where, hidden)
    if found is None:
        names = ", ".join(name for name, _ in grant.where)
        raise ForbiddenError(
            f"What is granted of {type_} depends on {names}, which cannot be searched here now, or "
            "not by the caller's role; nothing is granted until it can."
        )
    return found


@lru_cache(maxsize=1024)
def _parsed(
    definitions: Definitions, base_url: str, type_: str, where: Where, hidden: tuple[str, ...]
) -> tuple[Criterion, ...] | None:
    """Parse criteria; None where one of them cannot be told exactly. Pure."""
    context = SearchContext(definitions, base_url, now_us=0, masks={type_: hidden})
    found: list[Criterion] = []
    for name, value in where:
        try:
            clause = parse_clause(Given(name, value), name, (type_,), context)
        except FhirError:
            return None
        if not isinstance(clause, Criterion) or not can_be_held(clause):
            return None
        found.append(clause)
    return tuple(found)
