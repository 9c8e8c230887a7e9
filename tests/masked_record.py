"""A record in which every element that some role does not see holds words that can be looked for.

Each says of which type and element it is: "planted-Encounter-reasonCode.".
"""

from __future__ import annotations

from typing import Any

from tests.secured import Caller

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
