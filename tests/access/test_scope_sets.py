"""Algebra of scopes against what they mean: each set as the accesses that it grants.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Iterable
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver.access import (
    ANY_TYPE,
    Right,
    Scope,
    contains,
    intersect,
    parse_scopes,
    parts,
    reduced,
    render,
)
from fhirserver.access.scope import LEVELS
from fhirserver.access.scope_consent import CATEGORIES
from fhirserver.definitions import r4

TYPES = ("Condition", "Observation", "Patient")
PAIRS = (("category", "a"), ("category", "b"), ("code", "x"))
RESOURCES = tuple(
    frozenset(pair for pair, there in zip(PAIRS, chosen, strict=True) if there)
    for chosen in product((False, True), repeat=len(PAIRS))
)
"""Every resource that the queries can tell apart, as the pairs that it fulfils."""

Reach = frozenset[tuple[str, str, Right, frozenset[tuple[str, str]]]]


def reach(scopes: Iterable[Scope]) -> Reach:
    """Give what scopes grant: level, type, right and resource."""
    return frozenset(
        (scope.level, type_, right, resource)
        for scope in scopes
        for type_ in TYPES
        if scope.type in (type_, ANY_TYPE)
        for right in scope.rights
        for resource in RESOURCES
        if resource.issuperset(scope.where)
    )


def some(text: str) -> tuple[Scope, ...]:
    return parse_scopes(text, r4()).resources


SCOPES = st.lists(
    st.builds(
        Scope,
        level=st.sampled_from(LEVELS[:2]),
        type=st.sampled_from((*TYPES, ANY_TYPE)),
        rights=st.integers(1, 31).map(Right),
        where=st.lists(st.sampled_from(PAIRS), unique=True, max_size=2).map(tuple),
    ),
    max_size=5,
)


@given(SCOPES, SCOPES)
def test_an_intersection_is_what_both_grant(asked: list[Scope], allowed: list[Scope]) -> None:
    """SEC-S3: never more than either; the same from either side; done twice the same as once."""
    granted = intersect(asked, allowed)
    assert reach(granted) == reach(asked) & reach(allowed)
    assert reach(intersect(allowed, asked)) == reach(granted)
    assert set(intersect(granted, allowed)) == set(granted)
    assert all(contains(allowed, scope) and contains(asked, scope) for scope in granted)


@given(SCOPES, SCOPES)
def test_what_is_contained_is_granted(allowed: list[Scope], scopes: list[Scope]) -> None:
    """SEC-S3: and what one scope grants alone is found to be contained."""
    for scope in scopes:
        if contains(allowed, scope):
            assert reach([scope]) <= reach(allowed)
        if any(reach([scope]) <= reach([bound]) for bound in allowed):
            assert contains(allowed, scope) or scope.type == ANY_TYPE


@given(SCOPES)
def test_a_reduced_set_means_the_same(scopes: list[Scope]) -> None:
    assert reach(reduced(scopes)) == reach(scopes)
    assert set(reduced(reduced(scopes))) == set(reduced(scopes))
    assert len(reduced(scopes)) <= len(scopes)


@pytest.mark.parametrize(
    ("asked", "allowed", "granted"),
    [
        pytest.param("patient/*.rs", "patient/*.rs", "patient/*.rs", id="SEC-S3/same"),
        pytest.param(
            "patient/*.cruds", "patient/Patient.rs patient/Observation.crs",
            "patient/Patient.rs patient/Observation.crs", id="SEC-S3/any-type-of-the-app",
        ),
        pytest.param(
            "patient/Observation.rs patient/Claim.rs", "patient/*.r",
            "patient/Observation.r patient/Claim.r", id="SEC-S3/any-type-of-the-role",
        ),
        pytest.param("user/Patient.rs", "patient/*.cruds system/*.cruds", "", id="SEC-S3/levels"),
        pytest.param("user/Patient.c", "user/Patient.ruds", "", id="SEC-S3/rights"),
        pytest.param(
            "patient/Observation.rs", "patient/Observation.rs?category=a patient/Observation.r",
            "patient/Observation.s?category=a patient/Observation.r", id="SEC-S3/query",
        ),
        pytest.param(
            "patient/Observation.rs?category=a", "patient/Observation.rs?code=x",
            "patient/Observation.rs?category=a&code=x", id="SEC-S3/both-queries",
        ),
        pytest.param(
            "patient/Observation.read patient/Observation.read", "patient/*.read",
            "patient/Observation.rs", id="SEC-S4/twice",
        ),
    ],
)  # fmt: skip
def test_what_is_granted(asked: str, allowed: str, granted: str) -> None:
    assert " ".join(map(render, intersect(some(asked), some(allowed)))) == granted


@pytest.mark.parametrize("type_", CATEGORIES)
def test_a_person_may_choose_parts(type_: str) -> None:
    """SEC-S6: each part is a scope that the whole contains, and there is none of a part."""
    (whole,) = some(f"patient/{type_}.rs")
    found = parts(whole)
    assert len(found) == len(CATEGORIES[type_])
    for part in found:
        assert contains([whole], part.scope)
        assert some(render(part.scope)) == (part.scope,)
        assert parts(part.scope) == ()


def test_other_types_have_no_parts() -> None:
    assert parts(Scope("patient", "Patient", Right.READ)) == ()
    assert parts(Scope("patient", ANY_TYPE, Right.READ)) == ()
