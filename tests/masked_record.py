"""A record in which every element that some role does not see holds words that can be looked for.

Each says of which type and element it is: "planted-Encounter-reasonCode.".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tests.client import Answer
from tests.secured import Caller, Secured

PATIENT = "mask-p"
SUBJECT = {"reference": f"Patient/{PATIENT}"}
PLAIN = {"text": "plain"}
INSIDE = "planted-inside"
"""In the note of an Observation that a Condition contains."""


def planted(type_: str, element: str) -> str:
    return f"planted-{type_}-{element}."


def _common(type_: str, id_: str, **elements: Any) -> dict[str, Any]:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml">{planted(type_, "text")}</div>'
    return {
        "resourceType": type_,
        "id": id_,
        "text": {"status": "generated", "div": div},
        "extension": [{"url": "http://e.test/x", "valueString": planted(type_, "extension")}],
        "identifier": [{"system": "http://mask.test", "value": planted(type_, "identifier")}],
        **elements,
    }


def _concept(type_: str, element: str) -> dict[str, Any]:
    return {"coding": [{"code": planted(type_, element), "system": "http://e.test"}]}


def _display(type_: str, element: str, reference: str) -> dict[str, str]:
    return {"reference": reference, "display": planted(type_, element)}


def _condition() -> dict[str, Any]:
    inside = {"resourceType": "Observation", "id": "o", "status": "final", "code": PLAIN,
              "note": [{"text": INSIDE}]}  # fmt: skip
    return _common(
        "Condition", "mask-c", contained=[inside], subject=SUBJECT, code=PLAIN,
        severity={"text": planted("Condition", "severity")},
        note=[{"text": planted("Condition", "note")}],
        stage=[{"summary": _concept("Condition", "stage")}],
        evidence=[{"code": [_concept("Condition", "evidence")], "detail": [{"reference": "#o"}]}],
    )  # fmt: skip


def _encounter() -> dict[str, Any]:
    inside = {"resourceType": "Condition", "id": "k", "subject": SUBJECT,
              "code": _concept("Encounter", "contained")}  # fmt: skip
    condition = "Condition/mask-c"
    return _common(
        "Encounter", "mask-e", contained=[inside], subject=SUBJECT, status="finished",
        period={"start": "1922-02-02"},
        reasonCode=[_concept("Encounter", "reasonCode")],
        reasonReference=[_display("Encounter", "reasonReference", condition), {"reference": "#k"}],
        diagnosis=[{"condition": _display("Encounter", "diagnosis", condition)}],
        **{"class": {"code": "AMB", "system": "http://e.test"}},
    )  # fmt: skip


def _appointment() -> dict[str, Any]:
    return _common(
        "Appointment", "mask-a", status="booked", description="planted-seen",
        reasonCode=[_concept("Appointment", "reasonCode")],
        reasonReference=[_display("Appointment", "reasonReference", "Condition/mask-c")],
        supportingInformation=[_display("Appointment", "supportingInformation", "Patient/mask-p")],
        start="2031-02-02T10:00:00Z", end="2031-02-02T10:30:00Z",
        comment=planted("Appointment", "comment"),
        patientInstruction=planted("Appointment", "patientInstruction"),
        participant=[{"actor": SUBJECT, "status": "accepted"}],
    )  # fmt: skip


RECORD: tuple[dict[str, Any], ...] = (
    _common(
        "Patient", PATIENT, gender="other", name=[{"family": "planted-Patient-name"}],
        photo=[{"title": planted("Patient", "photo")}],
        communication=[{"language": _concept("Patient", "communication")}],
    ),
    _condition(),
    _encounter(),
    _appointment(),
    _common(
        "Observation", "mask-o", status="final", code=PLAIN, subject=SUBJECT,
        valueString=planted("Observation", "value"),
        note=[{"text": planted("Observation", "note")}],
    ),
    _common(
        "DiagnosticReport", "mask-d", status="final", code=PLAIN, subject=SUBJECT,
        conclusion=planted("DiagnosticReport", "conclusion"),
        presentedForm=[{"title": planted("DiagnosticReport", "presentedForm")}],
        conclusionCode=[_concept("DiagnosticReport", "conclusionCode")],
    ),
    _common(
        "FamilyMemberHistory", "mask-f", status="completed", patient=SUBJECT,
        relationship=_concept("FamilyMemberHistory", "relationship"),
        name=planted("FamilyMemberHistory", "name"),
        bornString=planted("FamilyMemberHistory", "born"),
        note=[{"text": planted("FamilyMemberHistory", "note")}],
    ),
)  # fmt: skip
"""All of it, in an order in which each refers to what stands before it."""


def store(caller: Caller) -> None:
    """Store the record, two versions of each resource."""
    for language in ("en", "de"):
        for each in RECORD:
            path = f"{each['resourceType']}/{each['id']}"
            answer = caller.request("PUT", path, {**each, "language": language})
            assert answer.status in (200, 201), answer.text


READ = {
    "billing": ("Patient", "Condition", "Encounter", "Appointment"),
    "front-desk": ("Patient", "Encounter", "Appointment"),
    "researcher": ("Condition", "Encounter", "Observation", "DiagnosticReport",
                   "FamilyMemberHistory"),
}  # fmt: skip
"""What each role reads of the record."""


@contextmanager
def everybody(secured: Secured) -> Iterator[dict[str, Caller]]:
    """Store the record and give callers by name; the steward sees all of it."""
    tokens = {
        role: secured.issue(
            "user/*.cruds", role=role, user=f"Practitioner/mask-{role}",
            patients=(PATIENT,) if role == "researcher" else None,
        )
        for role in READ
    }  # fmt: skip
    tokens["steward"] = secured.issue("system/*.cruds")
    tokens["app of billing"] = secured.issue(
        "patient/*.rs", role="billing", user="Practitioner/mask-billing", patient=PATIENT
    )
    tokens["physician"] = secured.issue(
        "user/*.cruds", role="physician", user="Practitioner/mask-dr", patients=(PATIENT,)
    )
    tokens["narrowed"] = secured.issue(
        f"user/Encounter.rs?reason-code={planted('Encounter', 'reasonCode')}",
        role="front-desk", user="Practitioner/mask-front-desk",
    )  # fmt: skip
    with ExitStack() as opened:
        callers = {
            name: opened.enter_context(secured.caller(token.secret))
            for name, token in tokens.items()
        }
        store(callers["steward"])
        yield callers


def bundle(kind: str, method: str, url: str, **rest: Any) -> dict[str, Any]:
    entry = {"request": {"method": method, "url": url, **rest.pop("request", {})}, **rest}
    return {"resourceType": "Bundle", "type": kind, "entry": [entry]}


def answered(caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    answer = caller.request(method, path, body, **headers)
    assert answer.status == 200, f"{method} {path}: {answer.text}"
    return answer
