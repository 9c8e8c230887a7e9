"""Which elements roles do not see: the table, and what may stand in it.

Spec: 45 CFR 164.502(b)
"""

import pytest

from fhirserver.access import ROLES, Access, AuthContext, Rights, granted_scopes, smart_policy
from fhirserver.access.boundary import LINKED
from fhirserver.access.masks import MASKED, NARRATIVE, masks_of
from fhirserver.access.scope import Right
from fhirserver.access.type_groups import GROUPS
from fhirserver.definitions import r4
from fhirserver.definitions.main_date import MAIN_DATE
from fhirserver.search.looked_at import looked_at

R4 = r4()
EVERYTHING = granted_scopes("user/*.cruds patient/*.cruds", R4)
NEVER = {"id", "meta", "implicitRules", "language", "modifierExtension"}
COMPARTMENTS = ("Device", "Encounter", "Patient", "Practitioner", "RelatedPerson")
WHOLE = ("Binary", "Bundle", "Parameters")
"""Types whose content is not elements of its own."""


@pytest.mark.parametrize("role", MASKED)
def test_what_may_be_withheld(role: str) -> None:
    """SEC-N5: every word of the table means something, and a part is still a resource."""
    read = {type_ for type_, rights in ROLES[role].rights.items() if Right.READ in rights}
    assert not read.intersection(WHOLE)
    for name, words in MASKED[role].items():
        found = {each for type_ in GROUPS.get(name, (name,)) for each in masks_of(role)[type_]}
        for word in words:
            assert word[0].isupper() or word in found, (role, name, word)
    for type_, elements in masks_of(role).items():
        assert NARRATIVE in elements
        assert not NEVER.intersection(elements)
        node = R4.node(type_)
        assert not [each for each in node.required if each.base_name in elements], type_


@pytest.mark.parametrize("role", MASKED)
def test_whom_a_resource_is_about_does_not_depend_on_what_is_withheld(role: str) -> None:
    """SEC-E19: what confines a search or orders it by itself is seen by whoever may search."""
    compartments = [R4.compartment(code) for code in COMPARTMENTS]
    for type_, hidden in masks_of(role).items():
        parameters = R4.search_parameters(type_)
        codes = {code for members in compartments for code in members.get(type_, ())} - {"{def}"}
        if Right.SEARCH in ROLES[role].rights.get(type_, ()):
            codes |= {MAIN_DATE[type_]} if type_ in MAIN_DATE else set()
        codes |= {name.partition(":")[0] for each in LINKED.get(type_, ()) for name, _ in each}
        assert not [code for code in codes if looked_at(parameters[code], hidden)], type_


@pytest.mark.parametrize(
    ("role", "scopes", "withheld"),
    [
        pytest.param("front-desk", "user/*.rs", True, id="SEC-N5/user-scopes"),
        pytest.param("front-desk", "patient/*.rs", True, id="SEC-N5/patient-scopes"),
        pytest.param("physician", "user/*.rs", False, id="SEC-N5/care"),
        pytest.param("patient", "patient/*.rs", False, id="SEC-N5/own-record"),
        pytest.param(None, "system/*.rs", False, id="SEC-N5/client-of-its-own"),
    ],
)
def test_masks_are_the_roles(role: str | None, scopes: str, withheld: bool) -> None:
    rights = Rights(granted_scopes(scopes, R4), patient="a", role=role, patients=("a",))
    auth = AuthContext("someone", "app", "request", rights=rights)
    for interaction, type_ in (
        ("read", "Encounter"), ("vread", "Encounter"), ("search-type", "Encounter"),
        ("history-type", "Encounter"), ("search-system", None), ("history-system", None),
        ("batch", None), ("create", "Observation"), ("patch", "Encounter"),
    ):  # fmt: skip
        masks = smart_policy(auth, Access(interaction, type_)).masks
        assert ("Encounter" in masks) is withheld, interaction


@pytest.mark.parametrize(
    ("interaction", "type_", "allowed"),
    [
        pytest.param("update", "Encounter", False, id="SEC-E19/a-part-replaces-no-whole"),
        pytest.param("patch", "Encounter", True, id="SEC-E19/a-part-is-patched"),
        pytest.param("create", "Encounter", True, id="SEC-E19/what-is-new-is-ones-own"),
        pytest.param("update", "Patient", True, id="SEC-E19/what-is-seen-whole"),
    ],
)
def test_who_does_not_see_all_does_not_replace_it(
    interaction: str, type_: str, allowed: bool
) -> None:
    auth = AuthContext("s", "app", "r", rights=Rights(EVERYTHING, role="front-desk"))
    assert smart_policy(auth, Access(interaction, type_)).allowed is allowed
