"""Breaking the glass: who may, for whom and how long, what it opens, and that it is told.

Spec: 45 CFR 164.312(a)(2)(ii); https://hl7.org/fhir/R4/operationoutcome-example-break-the-glass.html
"""

from __future__ import annotations

from typing import Any

import pytest

from fhirserver.identity.accounts import Account
from fhirserver.smart import tokens
from fhirserver.smart.grants import TokenGrant
from fhirserver.store.database import now_us
from tests.client import Answer
from tests.console.people import People
from tests.secured import APPLICATION, Secured
from tests.visitor import Visitor

REASON = "unconscious in the emergency room"
SCOPES = "user/Patient.rs user/Observation.rs"


@pytest.fixture
def patient(secured: Secured) -> str:
    """A patient whom nobody treats, with one Observation."""
    token = secured.issue("system/*.cruds").secret
    with secured.caller(token) as system:
        made = system.request("POST", "Patient", {"resourceType": "Patient"}).json
        observation = {
            "resourceType": "Observation",
            "status": "final",
            "code": {"text": "x"},
            "subject": {"reference": f"Patient/{made['id']}"},
        }
        assert system.request("POST", "Observation", observation).status == 201
    return str(made["id"])


def token_of(
    people: People, account: Account, scopes: str = SCOPES, patient: str | None = None
) -> str:
    secured = people.secured
    secured.issue("system/*.rs")  # registers the application
    grant = TokenGrant(APPLICATION, secured.base, scopes, account.id, None, patient)
    return tokens.issue(secured.database, grant, now_us=now_us(), lifetime_s=3600).secret


def ask(people: People, token: str, path: str) -> Answer:
    with people.secured.caller(token) as caller:
        return caller.get(path)


def break_glass(visitor: Visitor, patient: str, reason: str = REASON) -> Answer:
    return visitor.fill_in("/break-glass", patient=patient, reason=reason)


def told(people: People, interaction: str) -> list[tuple[Any, ...]]:
    with people.database.connection() as connection:
        return connection.execute(
            "SELECT id, actor, outcome, purpose, reason FROM audit WHERE interaction = %s"
            " ORDER BY at DESC LIMIT 1",
            (interaction,),
        ).fetchall()


def test_a_broken_glass_opens_one_record_for_an_hour(people: People, patient: str) -> None:
    """SEC-N4."""
    account = people.add("ada")
    token = token_of(people, account)
    assert ask(people, token, f"Patient/{patient}").status == 404
    with people.log_in(account) as visitor:
        assert break_glass(visitor, patient).status == 303
        assert patient in visitor.get("/break-glass").text
    assert told(people, "break-glass") == [(patient, "Practitioner/7", 200, None, REASON)]
    assert ask(people, token, f"Patient/{patient}").status == 200
    assert told(people, "read") == [(patient, "Practitioner/7", 200, "BTG", None)]
    found = ask(people, token, f"Observation?patient={patient}").json
    assert [each["search"]["mode"] for each in found["entry"]] == ["match"]
    people.change("UPDATE broken_glass SET expires = %s", now_us())
    assert ask(people, token, f"Patient/{patient}").status == 404


@pytest.mark.parametrize(
    ("patient_id", "reason", "status", "says"),
    [
        pytest.param(None, "short", 400, "Say why", id="SEC-N4/reason-too-short"),
        pytest.param(None, "x" * 501, 400, "Say why", id="SEC-N4/reason-too-long"),
        pytest.param("nobody", REASON, 404, "no patient", id="SEC-N4/no-such-patient"),
        pytest.param("é\0", REASON, 404, "no patient", id="SEC-N4/no-id"),
    ],
)
def test_what_is_asked_for_is_checked(
    people: People, patient: str, patient_id: str | None, reason: str, status: int, says: str
) -> None:
    with people.log_in(people.add("ada")) as visitor:
        answer = break_glass(visitor, patient if patient_id is None else patient_id, reason)
    assert (answer.status, says in answer.text) == (status, True)
    assert [row[1:3] for row in told(people, "break-glass")] == [("Practitioner/7", status)]


@pytest.mark.parametrize("role", ["billing", "patient", "auditor", "administrator"])
def test_other_roles_break_no_glass(people: People, patient: str, role: str) -> None:
    account = people.add("bob", role)
    with people.log_in(account) as visitor:
        page = visitor.get("/break-glass")
        assert "may not reach" in page.text
        token = visitor.get("/logout").text.split('name="csrf" value="')[1].split('"')[0]
        fields = {"csrf": token, "patient": patient, "reason": REASON}
        assert visitor.submit("/break-glass", fields).status == 403
    assert [(row[0], row[2]) for row in told(people, "break-glass")] == [(patient, 403)]


def test_it_needs_a_fresh_proof(people: People, patient: str) -> None:
    account = people.add("ada")
    with people.log_in(account) as visitor:
        people.let_pass(account, 600)
        answer = visitor.get(f"/break-glass?patient={patient}")
    assert answer.status == 303
    assert answer.headers["location"].startswith("/login/again")


@pytest.mark.parametrize(
    "scopes",
    [
        pytest.param("patient/Patient.rs", id="SEC-N4/patient-scope"),
        pytest.param("system/Observation.rs", id="SEC-N4/other-level"),
    ],
)
def test_it_opens_nothing_to_other_levels_of_scopes(
    people: People, patient: str, scopes: str
) -> None:
    account = people.add("ada")
    with people.log_in(account) as visitor:
        break_glass(visitor, patient)
    token = token_of(people, account, scopes, patient)
    assert ask(people, token, f"Patient/{patient}").status in (403, 404)


@pytest.mark.parametrize(
    ("role", "path", "suppressed"),
    [
        pytest.param("nurse", "Observation?patient={}", True, id="SEC-N4/by-parameter"),
        pytest.param("nurse", "Patient/{}/Observation", True, id="SEC-N4/by-compartment"),
        pytest.param("nurse", "Observation?patient=nobody", True, id="SEC-N4/there-or-not"),
        pytest.param("nurse", "Observation?status=final", False, id="SEC-N4/nobody-is-named"),
        pytest.param("researcher", "Observation?patient={}", False, id="SEC-N4/may-not-break"),
    ],
)
def test_what_is_withheld_is_announced_to_whoever_may_break_the_glass(
    people: People, patient: str, role: str, path: str, suppressed: bool
) -> None:
    token = token_of(people, people.add("eve", role))
    bundle = ask(people, token, path.format(patient)).json
    issues = [
        issue for entry in bundle.get("entry", ()) for issue in entry["resource"].get("issue", ())
    ]
    coding = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "BTG"}
    found = [
        issue for issue in issues
        if issue["code"] == "suppressed" and issue["details"]["coding"] == [coding]
    ]  # fmt: skip
    assert len(found) == suppressed
    assert bundle.get("total", 0) == 0


def test_somebody_else_reviews(people: People, patient: str) -> None:
    account = people.add("ada")
    with people.log_in(account) as visitor:
        break_glass(visitor, patient)
        assert visitor.get("/admin/break-glass").status == 403
    with people.log_in(people.add("carl", "auditor", None)) as auditor:
        page = auditor.get("/admin/break-glass")
        assert REASON in page.text
        with people.database.connection() as connection:
            (number,) = connection.execute(
                "SELECT number FROM broken_glass WHERE account = %s", (account.id,)
            ).fetchone() or (0,)
        token = page.text.split('name="csrf" value="')[1].split('"')[0]
        verdict = {"csrf": token, "verdict": "unjustified", "remark": "asked out of curiosity"}
        path = f"/admin/break-glass/{number}"
        assert auditor.submit(path, {"csrf": token, "verdict": "maybe"}).status == 400
        assert auditor.submit(path, verdict).status == 303
        assert REASON not in auditor.get("/admin/break-glass").text
        assert auditor.submit(path, verdict).status == 409
    assert [row[0] for row in told(people, "break-glass-review")] == [patient]


def test_whose_training_expired_reviews_nothing(people: People) -> None:
    account = people.add("carl", "auditor", None)
    people.change("UPDATE account SET training_expires = '2020-01-01' WHERE id = %s", account.id)
    with people.log_in(account) as auditor:
        assert auditor.get("/admin/break-glass").status == 403
