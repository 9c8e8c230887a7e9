"""The grammar of scopes: what fits as a whole, what is refused, what is left out.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhirserver.access import (
    ANY_TYPE,
    Right,
    Scope,
    granted_scopes,
    parse_scopes,
    render,
    render_granted,
)
from fhirserver.access.scope import LEVELS, letters_of
from fhirserver.access.scope_text import TEXT_MAX
from fhirserver.definitions import r4

LAB = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
RS = Right.READ | Right.SEARCH
CUD = Right.CREATE | Right.UPDATE | Right.DELETE


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        pytest.param("patient/Observation.rs", Scope("patient", "Observation", RS), id="SEC-S1"),
        pytest.param("user/*.cruds", Scope("user", ANY_TYPE, RS | CUD), id="SEC-S1/any-type"),
        pytest.param("system/Group.r", Scope("system", "Group", Right.READ), id="SEC-S1/one"),
        pytest.param("patient/*.read", Scope("patient", ANY_TYPE, RS), id="SEC-S2/read"),
        pytest.param("user/Patient.write", Scope("user", "Patient", CUD), id="SEC-S2/write"),
        pytest.param("system/*.*", Scope("system", ANY_TYPE, RS | CUD), id="SEC-S2/all"),
        pytest.param(
            f"patient/Observation.rs?category={LAB}",
            Scope("patient", "Observation", RS, (("category", LAB),)),
            id="SEC-S5/category",
        ),
        pytest.param(
            "patient/Observation.rs?category=http%3A%2F%2Fx%7Clab%26+%252C&subject=Patient/1",
            Scope(
                "patient", "Observation", RS,
                (("category", "http://x|lab&+%2C"), ("subject", "Patient/1")),
            ),
            id="SEC-S1/decoded-once",
        ),
        pytest.param(
            "user/ValueSet.s?url=http://a/b&_tag=x,y",
            Scope("user", "ValueSet", Right.SEARCH, (("url", "http://a/b"), ("_tag", "x,y"))),
            id="SEC-S5/uri-and-alternatives",
        ),
    ],
)  # fmt: skip
def test_a_scope_is_read_as_a_whole(text: str, scope: Scope) -> None:
    asked = parse_scopes(text, r4())
    assert asked.resources == (scope,)
    assert asked.refused + asked.unknown + asked.others == ()
    assert parse_scopes(render(scope), r4()).resources == (scope,)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("patient/Observation.sr", "order cruds", id="SEC-S1/order"),
        pytest.param("patient/Observation.dus", "order cruds", id="SEC-S1/order-of-three"),
        pytest.param("patient/Observation.rrs", "each once", id="SEC-S1/twice"),
        pytest.param("patient/Observation.", "grants nothing", id="SEC-S1/empty"),
        pytest.param("patient/Observation", "level/Type.rights", id="SEC-S1/no-rights"),
        pytest.param("patient/Obs.rs", "no resource type 'Obs'", id="SEC-S1/unknown-type"),
        pytest.param("patient/observation.rs", "no resource type", id="SEC-S1/case"),
        pytest.param("patient/Parameters.rs", "no resource type", id="SEC-S1/never-stored"),
        pytest.param("patient/Observation.read-only", "level/Type", id="SEC-S1/read-only"),
        pytest.param("patient/Observation.rsXYZ", "level/Type", id="SEC-S1/junk"),
        pytest.param("patient/Observation.readwrite", "level/Type", id="SEC-S1/two-words"),
        pytest.param("patient/Observation.rs?", "level/Type", id="SEC-S1/empty-query"),
        pytest.param("patient/Observation.rs\n", "level/Type", id="SEC-S1/newline"),
        pytest.param("system:Patient.read", "level/Type", id="SEC-S1/colon"),
        pytest.param("user/Pat%69ent.rs", "level/Type", id="SEC-S1/encoded-type"),
        pytest.param("patient/Observation.read?category=a", "version 2", id="SEC-S2/query"),
        pytest.param("patient/*.rs?_tag=a", "needs a resource type", id="SEC-S5/any-type"),
        pytest.param("patient/Observation.rs?category:not=a", "without mod", id="SEC-S5/modifier"),
        pytest.param("patient/Observation.rs?subject.name=a", "without mod", id="SEC-S5/chain"),
        pytest.param("patient/Observation.rs?_has:Group:member:_id=a", "no token", id="SEC-S5/has"),
        pytest.param("patient/Observation.rs?_include=a", "no token", id="SEC-S5/include"),
        pytest.param("patient/Observation.rs?_filter=a", "no token", id="SEC-S5/filter"),
        pytest.param("patient/Observation.rs?date=2020", "no token", id="SEC-S5/date"),
        pytest.param("user/Bundle.rs?message=MessageHeader/1", "no token", id="SEC-S5/inside"),
        pytest.param("patient/Observation.rs?nope=a", "no token", id="SEC-S5/unknown"),
        pytest.param("patient/Observation.rs?category", "name=value", id="SEC-S5/no-value"),
        pytest.param("patient/Observation.rs?category=", "name=value", id="SEC-S5/blank"),
        pytest.param("patient/Observation.rs?category=a&", "name=value", id="SEC-S5/blank-pair"),
        pytest.param("patient/Observation.rs?category=a|b|c", "bar", id="SEC-S5/two-bars"),
        pytest.param("patient/Observation.rs?category=a,", "missing", id="SEC-S5/no-alternative"),
        pytest.param("patient/Observation.rs?category=%4", "hexadecimal", id="SEC-S1/half-a-byte"),
        pytest.param("patient/Observation.rs?category=%ff", "UTF-8", id="SEC-S1/no-utf-8"),
        pytest.param("patient/Observation.rs?category=%00", "control", id="SEC-S1/control"),
        pytest.param("patient/Observation.rs " + "x" * TEXT_MAX, "characters", id="SEC-S1/long"),
    ],
)
def test_what_is_no_scope_is_refused_and_grants_nothing(text: str, why: str) -> None:
    asked = parse_scopes(text, r4())
    assert not asked.resources
    ((_, reason),) = asked.refused
    assert why in reason


def test_others_are_kept_and_what_is_unknown_is_left_out() -> None:
    """SEC-S4: any order, doubled ones once."""
    asked = parse_scopes(
        "launch/patient openid  fhirUser launch/patient __x https://a/b online_access"
        " offline_access launch launch/encounter launch/imagingstudy?role=a launch/Patient"
        " launch/nothing Launch"
        " patient/Patient.rs openid patient/Patient.read launch/patient?role=",
        r4(),
    )
    assert asked.others == (
        "launch/patient", "openid", "fhirUser", "online_access", "offline_access", "launch",
        "launch/encounter", "launch/imagingstudy?role=a",
    )  # fmt: skip
    assert asked.unknown == (
        "__x", "https://a/b", "launch/Patient", "launch/nothing", "Launch", "launch/patient?role=",
    )  # fmt: skip
    assert asked.resources == (Scope("patient", "Patient", RS),)
    assert not asked.refused


@pytest.mark.parametrize(
    ("asked", "granted", "answered"),
    [
        pytest.param(
            "patient/*.read user/Patient.write system/*.*", None,
            "patient/*.read user/Patient.write system/*.*", id="SEC-S2/as-asked",
        ),
        pytest.param(
            "patient/*.read user/Patient.cud", None,
            "patient/*.read user/Patient.cud", id="SEC-S2/each-as-asked",
        ),
        pytest.param(
            "patient/*.read", "patient/Patient.rs patient/Observation.rs",
            "patient/Patient.rs patient/Observation.rs", id="SEC-S2/narrowed-to-types",
        ),
        pytest.param(
            "patient/Observation.read patient/Patient.read",
            f"patient/Observation.rs?category={LAB} patient/Patient.rs",
            f"patient/Observation.rs?category={LAB} patient/Patient.rs",
            id="SEC-S2/a-query-chosen-makes-all-version-2",
        ),
        pytest.param(
            f"patient/Observation.rs?category={LAB} patient/Patient.read", None,
            f"patient/Observation.rs?category={LAB} patient/Patient.read",
            id="SEC-S2/a-query-asked-for-changes-nothing",
        ),
    ],
)  # fmt: skip
def test_answers_are_in_the_version_asked_in(
    asked: str, granted: str | None, answered: str
) -> None:
    parsed = parse_scopes(asked, r4())
    scopes = parsed.resources if granted is None else parse_scopes(granted, r4()).resources
    assert render_granted(scopes, parsed) == answered


PIECES = st.sampled_from(
    ["patient", "user", "/", ":", ".", "*", "Observation", "Patient", "r", "s", "rs", "cruds",
     "read", "?", "category=", "code=", "&", "a|b", "%41", "%", ",", "|", "=", "+", " ", "x", "é"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
def test_what_is_read_is_written_the_same_and_nothing_is_read_of_a_part(text: str) -> None:
    """SEC-S1: a scope is read in full or not at all; what was read can be written and read."""
    asked = parse_scopes(text, r4())
    for scope in asked.resources:
        assert parse_scopes(render(scope), r4()).resources == (scope,)
        assert scope.level in LEVELS
        told = letters_of(scope.rights)
        assert any(
            each.startswith(f"{scope.level}/{scope.type}.")
            and each.partition("?")[0].rpartition(".")[2] in (told, "read", "write", "*")
            for each in text.split(" ")
        )
    count = len({*text.split(" ")} - {""})
    assert (
        len(asked.resources) + len(asked.others) + len(asked.refused) + len(asked.unknown) <= count
    )


def test_a_token_whose_scopes_no_longer_fit_grants_nothing() -> None:
    """SEC-S7: as when the search parameter of a query is gone."""
    assert granted_scopes("patient/Observation.rs?no-longer=x", r4()) == ()
    every = " ".join(
        f"{level}/{type_}.cruds" for level in ("patient", "user") for type_ in r4().resource_types
    )
    assert len(every) < TEXT_MAX
    assert " ".join(map(render, granted_scopes(every, r4()))) == every
