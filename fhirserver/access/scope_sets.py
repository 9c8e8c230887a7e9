"""Algebra of scopes: what holds both here and there, and whether one holds another.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html

A set of scopes stands for the set of (level, type, right, resource) that one of them grants. A
token gets

    asked for ∩ registered for the client ∩ allowed to the user's role ∩ chosen by the user

so each step narrows and none widens. Levels never mix: `user/` holds nothing of `patient/`. The
query of an intersection is both queries, all parts of which must hold.
"""

from collections.abc import Iterable, Iterator

from fhirserver.access.scope import ANY_TYPE, NO_RIGHT, Right, Scope, Where


def intersect(asked: Iterable[Scope], allowed: Iterable[Scope]) -> tuple[Scope, ...]:
    """Give what both sets grant, in the order of what was asked.

    Args:
        asked: each stays a scope of its own, and becomes several where it has to.
        allowed: what may be granted at most.
    """
    bounds = tuple(allowed)
    found: dict[Scope, None] = {}
    for scope in asked:
        parts = filter(None, (_meet(scope, bound) for bound in bounds))
        found |= dict.fromkeys(reduced(parts))
    return tuple(found)


def contains(allowed: Iterable[Scope], scope: Scope) -> bool:
    """Whether a set grants all that a scope does, right by right."""
    bounds = tuple(allowed)
    return all(
        any(right in bound.rights and _reaches(bound, scope) for bound in bounds)
        for right in scope.rights
    )


def reduced(scopes: Iterable[Scope]) -> tuple[Scope, ...]:
    """Give the same set with rights joined, and without scopes that others hold."""
    joined: dict[tuple[str, str, frozenset[tuple[str, str]]], Scope] = {}
    for scope in scopes:
        key = (scope.level, scope.type, frozenset(scope.where))
        known = joined.get(key)
        rights = scope.rights if known is None else scope.rights | known.rights
        where = scope.where if known is None else known.where
        joined[key] = Scope(scope.level, scope.type, rights, where)
    return tuple(_without_held(tuple(joined.values())))


def _without_held(scopes: tuple[Scope, ...]) -> Iterator[Scope]:
    """Take the rights from each scope that another, wider one grants as well."""
    for scope in scopes:
        rights = scope.rights
        for other in scopes:
            if other is not scope and _reaches(other, scope):
                rights &= ~other.rights
        if rights != NO_RIGHT:
            yield Scope(scope.level, scope.type, rights, scope.where)


def _meet(one: Scope, other: Scope) -> Scope | None:
    rights: Right = one.rights & other.rights
    if one.level != other.level or rights == NO_RIGHT:
        return None
    if ANY_TYPE not in (one.type, other.type) and one.type != other.type:
        return None
    type_ = other.type if one.type == ANY_TYPE else one.type
    where = tuple(dict.fromkeys((*one.where, *other.where)))
    return Scope(one.level, type_, rights, where)


def _reaches(wide: Scope, narrow: Scope) -> bool:
    """Whether every resource of one scope is one of the other, whatever the rights."""
    return (
        wide.level == narrow.level
        and wide.type in (narrow.type, ANY_TYPE)
        and _holds(wide.where, narrow.where)
    )


def _holds(wide: Where, narrow: Where) -> bool:
    return set(wide) <= set(narrow)
