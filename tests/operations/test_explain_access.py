"""$explain-access over HTTP: the caller's own decisions, and for administrators anybody's.

Spec: the operation is this server's own, see docs/access.md
"""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.client import Answer, Client
from tests.secured import Secured

SCOPES = "patient/Observation.rs?category=laboratory user/Patient.rs user/Observation.s"


def explained(answer: Answer) -> list[dict[str, Any]]:
    """Give the accesses: each part by name, those that may be several as lists."""
    assert answer.status == 200, answer.text
    found = []
    for access in answer.json["parameter"]:
        assert access["name"] == "access"
        one: dict[str, Any] = {"grant": [], "scope": []}
        for part in access["part"]:
            if part["name"] == "scope":
                one["scope"].append(tuple(each["valueString"] for each in part["part"]))
            elif part["name"] == "grant":
                one["grant"].append(part["valueString"])
            else:
                one[part["name"]] = part.get("valueString", part.get("valueBoolean"))
        found.append(one)
    return found


def ask(secured: Secured, token: str, **parameters: str) -> Answer:
    with secured.caller(token) as caller:
        return caller.get("$explain-access?" + caller_query(parameters))


def caller_query(parameters: Mapping[str, str]) -> str:
    return "&".join(f"{name}={_quoted(value)}" for name, value in parameters.items())


def _quoted(text: str) -> str:
    return text.replace("%", "%25").replace(" ", "%20").replace("&", "%26").replace("?", "%3F")


@pytest.fixture(scope="module")
def physician(secured: Secured) -> str:
    """A token of a physician who cares for two, launched for one of them."""
    issued = secured.issue(
        SCOPES, patient="one", user="Practitioner/7", role="physician", patients=("one", "two")
    )
    return issued.secret


@pytest.fixture(scope="module")
def administrator(secured: Secured) -> str:
    return secured.issue("user/*.cruds", role="administrator", user="Practitioner/8").secret


def test_a_caller_learns_why(secured: Secured, physician: str) -> None:
    """SEC-N5: every scope is weighed, and what would be enough is named."""
    (read,) = explained(ask(secured, physician, what="GET Observation/7"))
    assert read == {
        "allowed": True,
        "interaction": "read",
        "type": "Observation",
        "needs": "r on Observation",
        "role": "physician, confined to related patients",
        "reason": "scope patient/Observation.rs?category=laboratory",
        "grant": ["in the compartments of 1 patients and where category fits and not labelled V"],
        "scope": [
            (
                "patient/Observation.rs?category=laboratory",
                "in the compartments of 1 patients and where category fits and not labelled V",
            ),
            ("user/Patient.rs", "is for another type"),
            ("user/Observation.s", "does not have the right"),
        ],
    }
    (search,) = explained(ask(secured, physician, what="Observation?code=x"))
    assert search["grant"][1] == "in the compartments of 2 patients and not labelled V"
    look_up, write = explained(ask(secured, physician, what="PUT Observation?code=x"))
    assert (look_up["interaction"], look_up["allowed"]) == ("search-type", True)
    assert (write["interaction"], write["allowed"]) == ("update", False)
    assert write["enough"] == "patient/Observation.u"


def test_scopes_may_be_supposed(secured: Secured, physician: str) -> None:
    what = "PUT Observation/7"
    (found,) = explained(ask(secured, physician, what=what, scope="user/Observation.u"))
    assert found["allowed"]
    with secured.caller(physician) as caller:
        assert caller.request("PUT", "Observation/7", {"resourceType": "Observation"}).status == 403


def test_administrators_learn_of_others(secured: Secured, administrator: str) -> None:
    issued = secured.issue("user/Claim.rs", role="billing", user="Practitioner/9")
    account = secured.account("nurse", "Practitioner/10", ("one", "two", "three"))
    by_token = explained(
        ask(secured, administrator, what="GET Claim/1", who=f"token:{issued.number}")
    )
    assert (by_token[0]["allowed"], by_token[0]["role"]) == (True, "billing, not confined")
    by_account = explained(
        ask(secured, administrator, what="GET Patient/one/Observation", who=f"account:u{account}")
    )
    assert by_account[0]["grant"] == ["in the compartments of 3 patients and not labelled V"]
    (own,) = explained(ask(secured, administrator, what="GET Observation/1"))
    assert own["reason"] == "the role administrator has no right to read Observation"


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        pytest.param({}, 400, "what=GET Patient/1", id="nothing-asked"),
        pytest.param({"what": "GET Nothing/1"}, 404, "no resource type", id="no-type"),
        pytest.param({"what": "GET Patient/a b"}, 400, "not an id", id="no-id"),
        pytest.param({"what": "DELETE Patient/1/_history"}, 405, "DELETE", id="no-method"),
        pytest.param({"what": "GET Patient", "scope": "user/Patient.sr"}, 400, "cruds", id="scope"),
        pytest.param({"what": "GET Patient", "who": "account:nobody"}, 404, "nobody", id="nobody"),
        pytest.param(
            {"what": "GET Patient", "who": "token:999999999"}, 404, "token", id="no-token"
        ),
        pytest.param(
            {"what": "GET Patient", "who": "token:" + "9" * 30}, 404, "token", id="digits"
        ),
        pytest.param({"what": "GET Patient", "who": "client:x"}, 404, "account:", id="kind"),
        pytest.param({"what": "GET Patient", "how": "x"}, 400, "what, who, scope", id="surplus"),
    ],
)
def test_refusals(
    secured: Secured, administrator: str, parameters: dict[str, str], status: int, told: str
) -> None:
    answer = ask(secured, administrator, **parameters)
    assert (answer.status, answer.json["resourceType"]) == (status, "OperationOutcome")
    assert told in answer.json["issue"][0]["diagnostics"]


def test_others_are_for_administrators(secured: Secured, physician: str) -> None:
    """SEC-E16: the same whether or not there is such an account."""
    for who in ("account:nobody", f"account:u{secured.account('nurse', 'Practitioner/10')}"):
        answer = ask(secured, physician, what="GET Patient/1", who=who)
        assert answer.status == 403
        assert "it is for administrators" in answer.json["issue"][0]["diagnostics"]
    expired = secured.issue("user/*.cruds", role="nurse", user="Practitioner/10", lifetime_s=-1)
    client = secured.issue("system/*.cruds").secret
    answer = ask(secured, client, what="GET Patient/1", who=f"token:{expired.number}")
    assert answer.status == 403


def test_an_open_server_says_so(client: Client) -> None:
    (found,) = explained(client.get("$explain-access?what=GET%20Patient/1"))
    assert (found["allowed"], found["reason"]) == (True, "open server")
    assert client.get("$explain-access?what=Patient&who=account:a").status == 404
