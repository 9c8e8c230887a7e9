"""`/inspect`: the rule behind an answer, for a token that is pasted or somebody who is named."""

from __future__ import annotations

import pytest

from fhirserver.identity.accounts import Account
from tests.client import Answer
from tests.console.people import People


@pytest.fixture
def doctor(people: People, ward: None) -> Account:
    return people.add("ada", fhir_user="Practitioner/70")


def inspect(people: People, account: Account, **fields: str) -> Answer:
    with people.enter(account) as visitor:
        return visitor.press("/inspect", "/inspect", **fields)


@pytest.mark.parametrize(
    ("method", "path", "verdict", "says"),
    [
        pytest.param(
            "GET",
            "/fhir/Observation/1",
            "Allowed</strong>:\nscope patient/Observation.r.",
            ("in the compartments of 1 patients", "<code>patient/Observation.r</code> –"),
            id="SEC-N5/allowed",
        ),
        pytest.param(
            "GET",
            "Observation?code=<i>",
            "Refused</strong>:\nno scope grants search on Observation.",
            ("does not have the right", "patient/Observation.s</code> would be enough"),
            id="SEC-N5/right-is-missing",
        ),
        pytest.param(
            "PUT",
            "Practitioner?identifier=x",
            "Refused",
            ("does not have the right", "<code>search-type</code>", "<code>update</code>"),
            id="SEC-N5/each-question",
        ),
    ],
)
def test_a_token_is_weighed_and_not_shown(
    people: People, doctor: Account, method: str, path: str, verdict: str, says: tuple[str, ...]
) -> None:
    issued = people.secured.issue("patient/Observation.r", patient="ward-ann")
    answer = inspect(people, doctor, token=issued.secret, method=method, path=path)
    assert answer.status == 200
    assert f"token number {issued.number}" in answer.text
    assert verdict in answer.text
    assert [words for words in says if words not in answer.text] == []
    for hidden in (issued.secret, "ward-ann", "<i>"):
        assert hidden not in answer.text
    assert issued.secret not in people.secured.server.log.read_text("utf-8")


@pytest.mark.parametrize(
    ("role", "fields", "status", "says"),
    [
        pytest.param(
            "physician", {}, 200, "Role physician, confined to related patients.", id="oneself"
        ),
        pytest.param(
            "physician", {"who": "account:ada"}, 403, "Only administrators", id="SEC-N5/others"
        ),
        pytest.param(
            "administrator", {"who": "account:ada"}, 200, "Role physician, confined", id="account"
        ),
        pytest.param("administrator", {"who": "account:x"}, 404, "account:USERNAME", id="nobody"),
        pytest.param("administrator", {"who": "token:0"}, 404, "token:NUMBER", id="no-number"),
        pytest.param("physician", {"token": "x" * 43}, 404, "counts for nothing", id="no-token"),
        pytest.param("physician", {"token": "é"}, 404, "counts for nothing", id="odd-token"),
        pytest.param("physician", {"path": "Nothing/1"}, 404, "no resource type", id="no-type"),
        pytest.param("physician", {"path": "Patient/1/2"}, 404, "Patient/1/2", id="no-request"),
        pytest.param("physician", {"method": "BREW"}, 400, "Method is one of", id="no-method"),
    ],
)
def test_for_whom(
    people: People, doctor: Account, role: str, fields: dict[str, str], status: int, says: str
) -> None:
    account = doctor if role == "physician" else people.add("root", role, None)
    answer = inspect(people, account, **{"method": "GET", "path": "Patient/1", **fields})
    assert (answer.status, says in answer.text) == (status, True), answer.text
    assert "x" * 43 not in answer.text


def test_a_number_is_for_administrators(people: People, doctor: Account) -> None:
    issued = people.secured.issue("system/*.rs")
    who = f"token:{issued.number}"
    answer = inspect(people, people.add("root", "administrator", None), who=who, path="Patient/1")
    assert "scope system/*.rs" in answer.text
    assert inspect(people, doctor, who=who, path="Patient/1").status == 403
