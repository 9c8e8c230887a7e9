"""How a decision came about, told by the functions that decide."""

from fhirserver.access import Access, AuthContext, Rights, granted_scopes, smart_policy, trace
from fhirserver.definitions import r4


def test_a_trace_weighs_every_scope() -> None:
    """SEC-N5: why denied, and what would match."""
    text = "patient/Observation.rs?code=z user/Observation.r user/Patient.rs patient/Bundle.s"
    rights = Rights(
        granted_scopes(text, r4()), "a", "Practitioner/7", "physician", patients=("a", "b")
    )
    auth = AuthContext("a", "app", "request", rights=rights)
    found = trace(auth, Access("search-type", "Observation"))
    assert (found.needs, found.role) == (
        "s on Observation",
        "physician, confined to related patients",
    )
    assert [(each.scope, each.verdict) for each in found.weighings] == [
        (
            "patient/Observation.rs?code=z",
            "in the compartments of 1 patients and where code fits and not labelled V",
        ),
        ("user/Observation.r", "does not have the right"),
        ("user/Patient.rs", "is for another type"),
        ("patient/Bundle.s", "is for another type"),
    ]
    assert found.decision == smart_policy(auth, found.access)
    refused = trace(auth, Access("search-type", "Bundle"))
    assert refused.weighings[3].verdict == refused.decision.reason
    assert trace(auth, Access("batch", None)).needs == "nothing on a type"
    assert trace(AuthContext("a", "", "request"), Access("read", "Patient")).weighings == ()
