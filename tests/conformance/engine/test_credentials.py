"""A token goes to its server only, and a log-in that has ended is no traceback."""

import pytest

from fhirserver_conformance.engine.credentials import authorization_for
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.settings import Target
from fhirserver_conformance.login.login_error import LoginError

BASE = "https://fhir.example/r4"


@pytest.mark.parametrize(
    ("url", "gets_it"),
    [
        pytest.param(f"{BASE}", True, id="the base"),
        pytest.param(f"{BASE}?_type=Patient", True, id="the base with a query"),
        pytest.param(f"{BASE}/Patient/a", True, id="below it"),
        pytest.param("https://fhir.example/r4b/Patient", False, id="another path"),
        pytest.param("https://fhir.example.evil.example/r4/x", False, id="another host"),
        pytest.param("https://fhir.example:8443/r4/x", False, id="another port"),
        pytest.param("http://fhir.example/r4/x", False, id="without encryption"),
        pytest.param(f"{BASE}/../other", False, id="a detour"),
        pytest.param(f"{BASE}/%2e%2E/other", False, id="a detour in disguise"),
        pytest.param(f"{BASE}@evil.example/", False, id="the base as a user"),
    ],
)
def test_who_gets_a_token(url: str, gets_it: bool) -> None:
    given = authorization_for(Target(BASE, lambda: "Bearer a"), url)
    assert given == ("Bearer a" if gets_it else None)


def test_a_log_in_that_has_ended_is_a_problem_of_the_action() -> None:
    def ended() -> str:
        raise LoginError("invalid_grant")

    with pytest.raises(ActionProblem, match="no access token any more: invalid_grant"):
        authorization_for(Target(BASE, ended), f"{BASE}/Patient")
