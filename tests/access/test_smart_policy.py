"""The policy: which scopes, roles and relations let whom do what, and why not.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from dataclasses import replace

import pytest

from fhirserver.access import (
    NEEDS,
    Access,
    AuthContext,
    Decision,
    Grant,
    Right,
    Rights,
    granted_scopes,
    smart_policy,
)
from fhirserver.access.boundary import LINKED, TYING, compartment_types
from fhirserver.access.clearance import CARE, EVERY, ORDINARY, told_withheld, withheld
from fhirserver.access.scope import LETTERS
from fhirserver.access.type_groups import SHARED
from fhirserver.definitions import r4
from fhirserver.definitions.sensitive import SENSITIVE
from fhirserver.definitions.terminology import R4Content
from fhirserver.store.care_relation import CARE_RULES

V = ("V",)
ORDINARY_ONLY = withheld(ORDINARY)
ALL = (Grant(),)
ALL_BUT_V = (Grant(withheld=V),)
OF_A = (Grant(("a",)),)
CLINICIAN = Rights((), user="Practitioner/7", role="physician", patients=("a", "b"))
LAUNCHED = replace(CLINICIAN, patient="a")
HOLDER = Rights((), user="Patient/a", role="patient", patient="a", patients=("a",))
CLIENT = Rights(())
OF_RIGHT = {
    "r": ("read", "vread", "history-instance"),
    "s": ("search-type", "history-type"),
    "c": ("create",),
    "u": ("update", "patch"),
    "d": ("delete",),
}


def decide(rights: Rights, scopes: str, interaction: str, type_: str | None) -> Decision:
    """Ask for an access to the resource "1" of a type."""
    rights = replace(rights, scopes=granted_scopes(scopes, r4()))
    auth = AuthContext("someone", "app", "request", rights=rights)
    return smart_policy(auth, Access(interaction, type_, None if type_ is None else "1"))


def grants(rights: Rights, scopes: str, interaction: str, type_: str) -> tuple[Grant, ...] | None:
    """Give what is granted; None where it is refused."""
    decision = decide(rights, scopes, interaction, type_)
    return decision.grants if decision.allowed else None


@pytest.mark.parametrize("interaction", ["read", "search-type"])
@pytest.mark.parametrize(
    ("rights", "scopes", "type_", "granted"),
    [
        pytest.param(HOLDER, "patient/*.rs", "Observation", OF_A, id="SEC-E5/launch-patient"),
        pytest.param(LAUNCHED, "patient/*.rs", "Observation", (Grant(("a",), withheld=V),),
            id="SEC-E5/of-several"),
        pytest.param(HOLDER, "patient/*.rs", "Practitioner", ALL, id="SEC-E6/shared"),
        pytest.param(HOLDER, "patient/*.rs", "Bundle", None, id="SEC-E6/not-listed"),
        pytest.param(
            HOLDER, "patient/Device.rs", "Device",
            (
                Grant(where=(("patient", "Patient/a"),)),
                Grant(where=(("patient:missing", "true"),)),
            ),
            id="SEC-E6/device-own-or-unassigned",
        ),
        pytest.param(
            LAUNCHED, "user/Task.rs", "Task",
            (Grant(where=(("patient", "Patient/a,Patient/b"),), withheld=V),),
            id="SEC-E6/task",
        ),
        pytest.param(HOLDER, "patient/*.rs", "Binary", OF_A, id="SEC-E17/binary-by-its-context"),
        pytest.param(
            CLINICIAN, "user/*.rs", "Observation", (Grant(("a", "b"), withheld=V),),
            id="SEC-E23/relations",
        ),
        pytest.param(
            replace(CLINICIAN, broken_glass=("c", "a")), "user/*.rs", "Observation",
            (Grant(("a", "b", "c"), withheld=V), Grant(("c", "a"))), id="SEC-N4/broken-glass",
        ),
        pytest.param(
            replace(CLINICIAN, broken_glass=("c",)), "user/*.rs", "Task",
            (
                Grant(where=(("patient", "Patient/a,Patient/b,Patient/c"),), withheld=V),
                Grant(where=(("patient", "Patient/c"),)),
            ),
            id="SEC-N4/broken-glass-by-a-criterion",
        ),
        pytest.param(
            replace(CLINICIAN, broken_glass=("c",)), "user/*.rs", "Practitioner", ALL_BUT_V,
            id="SEC-N2/broken-glass-is-for-a-patient",
        ),
        pytest.param(
            replace(HOLDER, broken_glass=("c",)), "user/*.rs", "Observation", OF_A,
            id="SEC-N4/no-glass-to-break-for-patients",
        ),
        pytest.param(
            replace(CLINICIAN, broken_glass=("c",), trained=False), "user/*.rs", "Observation",
            (Grant(("a", "b"), withheld=V),), id="SEC-U5/no-glass-to-break-without-training",
        ),
        pytest.param(CLINICIAN, "user/*.rs", "Bundle", None, id="SEC-E23/in-no-compartment"),
        pytest.param(CLINICIAN, "user/*.rs", "PlanDefinition", ALL_BUT_V,
                     id="SEC-E23/about-nobody"),
        pytest.param(CLINICIAN, "user/*.rs", "Claim", None, id="SEC-N5/role"),
        pytest.param(CLINICIAN, "patient/*.rs", "Observation", None, id="SEC-E21/no-patient"),
        pytest.param(
            replace(CLINICIAN, patients=()), "user/*.rs", "Observation", (), id="SEC-E23/nobody"
        ),
        pytest.param(
            replace(CLINICIAN, patients=None), "user/*.rs", "Observation", (),
            id="SEC-E21/relations-unknown",
        ),
        pytest.param(
            replace(LAUNCHED, patients=("b",)), "patient/*.rs", "Observation", (),
            id="SEC-E26/the-relation-has-ended",
        ),
        pytest.param(
            replace(LAUNCHED, patients=(), broken_glass=("a",)), "patient/*.rs", "Observation",
            (), id="SEC-N4/not-for-patient-scopes",
        ),
        pytest.param(
            replace(LAUNCHED, role="billing", patients=None), "patient/*.rs", "Observation", None,
            id="SEC-N5/role-bounds-patient-scopes",
        ),
        pytest.param(
            replace(LAUNCHED, role="billing", patients=None), "patient/*.rs", "Claim",
            (Grant(("a",), withheld=ORDINARY_ONLY),),
            id="SEC-E5/unconfined-role-confined-by-launch",
        ),
        pytest.param(
            replace(LAUNCHED, role="billing", patients=None), "user/*.rs", "Claim",
            (Grant(withheld=ORDINARY_ONLY),), id="SEC-E23/unconfined-role",
        ),
        pytest.param(replace(LAUNCHED, role=None), "user/*.rs", "Observation", None,
                     id="SEC-E21/no-role"),
        pytest.param(replace(LAUNCHED, role=None), "patient/*.rs", "Observation", None,
                     id="SEC-E21/no-role-for-patient-scopes"),
        pytest.param(replace(LAUNCHED, role="dean"), "user/*.rs", "Observation", None,
                     id="SEC-E21/unknown-role"),
        pytest.param(CLIENT, "user/*.rs patient/*.rs", "Observation", None,
                     id="SEC-E21/client-without-user"),
        pytest.param(replace(CLIENT, patient="a"), "patient/*.rs", "Observation",
                     (Grant(("a",), withheld=ORDINARY_ONLY),), id="SEC-E5/client-launched"),
        pytest.param(replace(HOLDER, role="proxy"), "user/*.rs patient/*.rs", "Observation",
                     (Grant(("a",), withheld=ORDINARY_ONLY),), id="SEC-E25/proxy"),
        pytest.param(replace(HOLDER, role="researcher"), "user/*.rs", "Observation",
                     (Grant(("a",), withheld=ORDINARY_ONLY),), id="SEC-N2/researcher"),
        pytest.param(replace(HOLDER, role="nurse"), "user/*.rs", "Observation",
                     (Grant(("a",), withheld=V),), id="SEC-N2/nurse"),
        pytest.param(replace(HOLDER, role="auditor"), "user/*.rs", "AuditEvent", ALL,
                     id="SEC-N2/auditor"),
        pytest.param(replace(HOLDER, role="administrator"), "user/*.rs", "Location", ALL,
                     id="SEC-N2/administrator"),
        pytest.param(replace(HOLDER, role="front-desk"), "user/*.rs", "Location",
                     (Grant(withheld=ORDINARY_ONLY),), id="SEC-N2/about-nobody"),
        pytest.param(CLIENT, "system/*.rs", "Observation", ALL, id="SEC-E23/client"),
        pytest.param(CLIENT, "system/*.rs", "Bundle", ALL, id="SEC-E23/client-any-type"),
        pytest.param(CLINICIAN, "system/*.rs", "Observation", None, id="SEC-E23/system-of-a-user"),
        pytest.param(
            CLIENT, "system/Observation.rs?category=lab", "Observation",
            (Grant(where=(("category", "lab"),)),), id="SEC-S5/client",
        ),
        pytest.param(
            HOLDER, "patient/Observation.rs?category=x&code=y patient/Observation.rs?code=z",
            "Observation",
            (Grant(("a",), (("category", "x"), ("code", "y"))), Grant(("a",), (("code", "z"),))),
            id="SEC-S5/several-or",
        ),
        pytest.param(
            LAUNCHED, "patient/Observation.rs user/Observation.rs?code=z", "Observation",
            (Grant(("a",), withheld=V), Grant(("a", "b"), (("code", "z"),), V)),
            id="SEC-S8/union",
        ),
        pytest.param(
            LAUNCHED, "patient/Observation.rs user/Practitioner.rs", "Practitioner",
            ALL_BUT_V, id="SEC-S8/each-its-own-types",
        ),
        pytest.param(
            LAUNCHED, "patient/Observation.rs user/Practitioner.rs", "Condition", None,
            id="SEC-S8/no-more-types",
        ),
        pytest.param(CLIENT, "system/*.rs system/Observation.rs?code=z", "Observation", ALL,
                     id="SEC-S8/everything-is-everything"),
    ],
)  # fmt: skip
def test_what_is_in_reach(
    interaction: str, rights: Rights, scopes: str, type_: str, granted: tuple[Grant, ...] | None
) -> None:
    assert grants(rights, scopes, interaction, type_) == granted


def test_broken_glass_makes_no_relation_that_outlasts_it() -> None:
    """SEC-N4: what gives relations of care is read by it, and not written."""
    assert {rule.type for rule in CARE_RULES} == TYING
    opened = replace(CLINICIAN, broken_glass=("c",))
    for type_ in (*TYING, "Observation"):
        everybody = (Grant(("a", "b", "c"), withheld=V), Grant(("c",)))
        assert grants(opened, "user/*.cruds", "read", type_) == everybody
        reached = everybody if type_ == "Observation" else (Grant(("a", "b"), withheld=V),)
        assert grants(opened, "user/*.cruds", "update", type_) == reached


def test_what_is_no_ordinary_label() -> None:
    """SEC-N2: the two highest confidentialities, and R4's policies of sensitive information."""
    policies = R4Content().code_system("http://terminology.hl7.org/CodeSystem/v3-ActCode")
    below = policies.below("_InformationSensitivityPolicy")
    assert {each for each in below if not each.startswith("_")} == SENSITIVE
    assert [told_withheld(withheld(each)) for each in (EVERY, CARE, ORDINARY)] == [
        "", "not labelled V", f"not labelled R or V or one of {len(SENSITIVE)} sensitivities",
    ]  # fmt: skip


@pytest.mark.parametrize("letter", LETTERS)
def test_each_letter_is_for_its_interactions_alone(letter: str) -> None:
    """SEC-E4: r is no s, s is no r, and so on."""
    for other, interactions in OF_RIGHT.items():
        for interaction in interactions:
            decision = decide(CLIENT, f"system/Observation.{letter}", interaction, "Observation")
            assert decision.allowed is (other == letter), interaction


def test_every_right_has_its_interactions_in_the_table() -> None:
    declared = {
        letter: {name for name, need in NEEDS.items() if need.right is LETTERS[letter]}
        for letter in LETTERS
    }
    of_system = {"search-system", "history-system", "search-explain", "label"}
    assert {letter: names - of_system for letter, names in declared.items()} == {
        letter: set(names) for letter, names in OF_RIGHT.items()
    }


@pytest.mark.parametrize(
    ("scopes", "confined"),
    [
        pytest.param("system/*.rs", ALL, id="everything"),
        pytest.param("system/Observation.rs", (), id="one-type"),
        pytest.param("system/*.r", None, id="no-search"),
    ],
)
@pytest.mark.parametrize("interaction", ["search-system", "history-system"])
def test_the_whole_system_is_decided_on_type_by_type(
    interaction: str, scopes: str, confined: tuple[Grant, ...] | None
) -> None:
    """SEC-E2: only who reaches everything is not confined by the decision itself."""
    decision = decide(CLIENT, scopes, interaction, None)
    assert (decision.grants if decision.allowed else None) == confined
    confined_too = decide(CLINICIAN, "user/*.cruds patient/*.cruds", interaction, None)
    assert confined_too.allowed
    assert confined_too.grants == ()


@pytest.mark.parametrize(
    ("rights", "scopes", "interaction", "allowed"),
    [
        pytest.param(None, "", "capabilities", True, id="SEC-D1/capabilities-need-no-token"),
        pytest.param(None, "", "read", False, id="SEC-E1/no-token"),
        pytest.param(None, "", "batch", False, id="SEC-E1/no-token-no-batch"),
        pytest.param(CLIENT, "", "batch", False, id="SEC-E0/no-scopes"),
        pytest.param(CLIENT, "system/Patient.r", "batch", True, id="SEC-E12/batch"),
        pytest.param(CLIENT, "system/Patient.r", "transaction", True, id="SEC-E12/transaction"),
        pytest.param(CLIENT, "system/*.cruds", "graphql", False, id="SEC-E16/unknown"),
        pytest.param(CLIENT, "system/*.cruds", "", False, id="SEC-E0/nothing-named"),
        pytest.param(CLIENT, "system/Patient.r", "validate", True, id="SEC-E16/validate"),
        pytest.param(CLIENT, "system/Patient.r", "fhirpath", True, id="SEC-E16/fhirpath"),
        pytest.param(CLIENT, "system/*.cruds", "run", False, id="SEC-E16/run-of-a-client"),
        pytest.param(LAUNCHED, "user/*.cruds", "run", False, id="SEC-E16/run-of-a-physician"),
        pytest.param(
            replace(LAUNCHED, role="administrator"), "user/*.cruds", "run", True,
            id="SEC-E16/run-of-an-administrator",
        ),
        pytest.param(
            replace(LAUNCHED, role="administrator"), "patient/*.cruds", "run", False,
            id="SEC-E16/an-app-for-a-patient-administers-nothing",
        ),
        pytest.param(
            replace(LAUNCHED, role="administrator", trained=False), "user/*.cruds", "run", False,
            id="SEC-U5/run-without-training",
        ),
        pytest.param(LAUNCHED, "user/*.cruds", "search-explain", False, id="SEC-E16/explain"),
        pytest.param(CLIENT, "system/*.s", "search-explain", True, id="SEC-E16/explain-client"),
        pytest.param(
            CLIENT, "system/Patient.s", "search-explain", False, id="SEC-E16/explain-one-type"
        ),
        pytest.param(LAUNCHED, "user/*.cruds", "label", False, id="SEC-E15/label-of-a-physician"),
        pytest.param(CLIENT, "system/*.u", "label", True, id="SEC-E15/label-of-a-client"),
        pytest.param(CLIENT, "system/Patient.cruds", "label", False, id="SEC-E15/label-one-type"),
        pytest.param(
            replace(LAUNCHED, role="administrator"), "user/*.u", "label", True,
            id="SEC-E15/label-of-an-administrator",
        ),
    ],
)  # fmt: skip
def test_what_is_no_type(
    rights: Rights | None, scopes: str, interaction: str, allowed: bool
) -> None:
    if rights is None:
        auth = AuthContext("anonymous", "", "request")
        assert smart_policy(auth, Access(interaction, None)).allowed is allowed
        return
    assert decide(rights, scopes, interaction, None).allowed is allowed


@pytest.mark.parametrize(
    ("access", "allowed"),
    [
        pytest.param(Access("read", "Practitioner", "7"), True, id="SEC-O2/own"),
        pytest.param(Access("read", "Practitioner", "8"), False, id="SEC-O2/anothers"),
        pytest.param(Access("read", "Patient", "7"), False, id="SEC-O2/same-id-of-another-type"),
        pytest.param(Access("read", "Practitioner"), False, id="SEC-O2/no-id"),
        pytest.param(Access("vread", "Practitioner", "7"), False, id="SEC-O2/only-read"),
        pytest.param(Access("update", "Practitioner", "7"), False, id="SEC-O2/never-written"),
    ],
)
def test_who_logged_in_can_be_read(access: Access, allowed: bool) -> None:
    rights = replace(LAUNCHED, reads_user=True)
    decision = smart_policy(AuthContext("a", "app", "request", rights=rights), access)
    assert decision.allowed is allowed
    nobody = replace(rights, user=None)
    assert not smart_policy(AuthContext("a", "app", "request", rights=nobody), access).allowed


@pytest.mark.parametrize("type_", r4().resource_types)
def test_every_type_under_patient_scopes(type_: str) -> None:
    """SEC-E5, SEC-E6: 66 types in the compartment, a list that is shared, all else refused."""
    member = type_ in compartment_types()
    for interaction, need in NEEDS.items():
        if need.right is None or need.administers or interaction.endswith("system"):
            continue
        found = grants(replace(CLIENT, patient="a"), "patient/*.cruds", interaction, type_)
        if member or type_ == "Binary":
            assert found == (Grant(("a",), withheld=ORDINARY_ONLY),)
        elif type_ in LINKED:
            assert found is not None
            assert found[0].where == (("patient", "Patient/a"),)
        elif type_ in SHARED and need.right in (Right.READ, Right.SEARCH):
            assert found == (Grant(withheld=ORDINARY_ONLY),)
        else:
            assert found is None, interaction


def test_unassigned_devices_are_only_read() -> None:
    """SEC-E14: what belongs to nobody is not taken or changed."""
    own = (Grant(where=(("patient", "Patient/a"),), withheld=V),)
    for interaction in ("create", "update", "patch", "delete"):
        assert grants(LAUNCHED, "patient/Device.cruds", interaction, "Device") in (own, None)
    assert grants(LAUNCHED, "patient/Device.cruds", "update", "Device") == own


@pytest.mark.parametrize(
    ("rights", "scopes", "interaction", "reason", "enough"),
    [
        pytest.param(
            LAUNCHED, "patient/Patient.rs", "search-type", "no scope grants search on Observation",
            "patient/Observation.s", id="SEC-E1/patient",
        ),
        pytest.param(
            CLINICIAN, "user/Observation.s", "read", "no scope grants read on Observation",
            "user/Observation.r", id="SEC-E1/user",
        ),
        pytest.param(
            CLIENT, "system/Patient.rs", "create", "no scope grants create on Observation",
            "system/Observation.c", id="SEC-E1/system",
        ),
        pytest.param(
            CLINICIAN, "user/*.cruds", "delete",
            "the role physician has no right to delete Observation", "", id="SEC-E1/never",
        ),
        pytest.param(
            replace(CLINICIAN, role="dean"), "user/*.cruds", "read",
            "the user has no role that is known here", "", id="SEC-E1/unknown-role",
        ),
    ],
)  # fmt: skip
def test_a_refusal_names_the_rule_and_the_scope_that_would_do(
    rights: Rights, scopes: str, interaction: str, reason: str, enough: str
) -> None:
    decision = decide(rights, scopes, interaction, "Observation")
    assert (decision.allowed, decision.grants) == (False, ())
    assert (decision.reason, decision.scope) == (reason, enough)
    if enough:
        assert decide(rights, f"{scopes} {enough}", interaction, "Observation").allowed
