"""Roles: what each may do, as scopes and by the policy, with training and without.

Types are in groups, each in one.
"""

from dataclasses import replace

import pytest

from fhirserver.access import (
    NEEDS,
    ROLES,
    Access,
    AuthContext,
    Rights,
    effective_role,
    granted_scopes,
    intersect,
    role_scopes,
    smart_policy,
)
from fhirserver.access.boundary import LINKED, compartment_types
from fhirserver.access.masks import masks_of
from fhirserver.access.type_groups import GROUP_OF, GROUPS, IMPERSONAL
from fhirserver.definitions import r4

EVERYTHING = granted_scopes("user/*.cruds", r4())


def test_every_type_is_in_one_group() -> None:
    assert sorted(type_ for types in GROUPS.values() for type_ in types) == sorted(
        r4().resource_types
    )
    assert len(compartment_types()) == 66
    assert not (IMPERSONAL & compartment_types())
    assert not (set(LINKED) & (IMPERSONAL | compartment_types()))


def test_groups_are_named_once() -> None:
    assert set(GROUP_OF.values()) == set(GROUPS)


@pytest.mark.parametrize("name", ROLES)
@pytest.mark.parametrize("trained", [True, False])
def test_scopes_of_a_role_grant_what_the_role_may(name: str, trained: bool) -> None:
    """SEC-S3, SEC-N5: a token narrowed to a role does as much as the role lets a wide one do."""
    scopes = intersect(EVERYTHING, role_scopes(name, trained=trained))
    role = effective_role(name, trained=trained)
    assert role is not None
    for type_ in r4().resource_types:
        rights = Rights(scopes, user="Practitioner/7", role=name, patients=(), trained=trained)
        auth = AuthContext("a", "app", "request", rights=rights)
        wide = replace(auth, rights=replace(rights, scopes=EVERYTHING))
        for interaction in ("read", "search-type", "create", "update", "delete"):
            access = Access(interaction, type_)
            assert smart_policy(auth, access).grants == smart_policy(wide, access).grants
            assert smart_policy(auth, access).allowed == smart_policy(wide, access).allowed
            right = NEEDS[interaction].right
            assert right is not None
            if not role.confined:
                replaces = interaction != "update" or type_ not in masks_of(name)
                expected = replaces and right in role.rights.get(type_, ())
                assert smart_policy(auth, access).allowed == expected


@pytest.mark.parametrize(
    ("role", "interaction", "type_", "allowed"),
    [
        pytest.param("physician", "search-type", "Observation", True, id="SEC-U5/read-only"),
        pytest.param("physician", "create", "Observation", False, id="SEC-U5/no-writing"),
        pytest.param("billing", "read", "Claim", False, id="SEC-U5/none"),
        pytest.param("patient", "create", "QuestionnaireResponse", True, id="SEC-U5/patients"),
        pytest.param("proxy", "create", "QuestionnaireResponse", True, id="SEC-U5/proxies"),
        pytest.param("administrator", "create", "CodeSystem", False, id="SEC-U5/administrators"),
    ],
)
def test_what_remains_when_training_has_expired(
    role: str, interaction: str, type_: str, allowed: bool
) -> None:
    rights = Rights(EVERYTHING, user="Practitioner/7", role=role)
    auth = AuthContext("someone", "app", "request", rights=rights)
    access = Access(interaction, type_)
    assert smart_policy(auth, access).allowed
    expired = smart_policy(replace(auth, rights=replace(rights, trained=False)), access)
    assert expired.allowed is allowed
    assert allowed or "training" in expired.reason
