"""Two patients' records in which resources differ by their security labels.

Spec: https://hl7.org/fhir/R4/security-labels.html

Both have the same encounters, one for each label, with ids like "clear-a-psy".
"""

from __future__ import annotations

from typing import Any

from tests.secured import Caller

A, B, SECRET = "clear-a", "clear-b", "clear-secret"
CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
SENSITIVITY = "http://terminology.hl7.org/CodeSystem/v3-ActCode"


def label(code: str, system: str | None = CONFIDENTIALITY) -> dict[str, str]:
    return {"code": code} if system is None else {"code": code, "system": system}


R, V = label("R"), label("V")
LABELS: dict[str, dict[str, Any]] = {
    "none": {},
    "n": {"security": [label("N")]},
    "u": {"security": [label("U")]},
    "handling": {
        "security": [label("HTEST", "http://terminology.hl7.org/CodeSystem/v3-ActReason")]
    },
    "tag": {"tag": [V]},
    "r": {"security": [R]},
    "r-bare": {"security": [label("R", None)]},
    "r-old": {"security": [label("R", "http://hl7.org/fhir/v3/Confidentiality")]},
    "psy": {"security": [label("PSY", SENSITIVITY)]},
    "n-hiv": {"security": [label("N"), label("HIV", SENSITIVITY)]},
    "v": {"security": [V]},
    "r-v": {"security": [R, V]},
}
"""`meta` by the last part of the id of what has it."""
ORDINARY = {"none", "n", "u", "handling", "tag"}
CARE = ORDINARY | {"r", "r-bare", "r-old", "psy", "n-hiv"}
EVERY = set(LABELS)


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def code(value: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://clear.test", "code": value}]}


def identifier(value: str) -> list[dict[str, str]]:
    return [{"system": "http://clear.test", "value": value}]


def encounter(id_: str, patient: str, meta: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter", "id": id_, "status": "finished", "class": {"code": "AMB"},
        "subject": ref(f"Patient/{patient}"), "meta": meta or {},
        "period": {"start": "1931-01-01", "end": "1931-01-02"}, **more,
    }  # fmt: skip


def person(id_: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, **more}


def list_of(id_: str, item: str, meta: Any) -> dict[str, Any]:
    return {
        "resourceType": "List", "id": id_, "status": "current", "mode": "working", "meta": meta,
        "subject": ref(f"Patient/{A}"), "entry": [{"item": ref(item)}],
    }  # fmt: skip


def binary(id_: str, meta: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Binary", "id": id_, "contentType": "text/plain", "data": "eA==",
        "meta": meta or {}, **more,
    }  # fmt: skip


def document(id_: str, to: str, meta: Any = None) -> dict[str, Any]:
    return {
        "resourceType": "DocumentReference", "id": id_, "status": "current", "meta": meta or {},
        "subject": ref(f"Patient/{A}"), "content": [{"attachment": {"url": to}}],
    }  # fmt: skip


HIDDEN = LABELS["r"]
STORED = [
    person(A, gender="female", birthDate="2015-01-01"),
    person(B),
    person(SECRET, meta=LABELS["r-v"], name=[{"family": "Zyxwvu"}]),
    *(encounter(f"{patient}-{key}", patient, meta) for patient in (A, B)
      for key, meta in LABELS.items()),
    encounter(f"{A}-secret", A, HIDDEN, partOf=ref(f"Encounter/{A}-none"),
              reasonCode=[code("secret")], identifier=identifier("s")),
    encounter(f"{A}-child", A, partOf=ref(f"Encounter/{A}-secret"), reasonCode=[code("open")]),
    encounter(f"{SECRET}-e", SECRET, identifier=identifier("e")),
    *({"resourceType": "Condition", "id": f"{A}-{key}", "subject": ref(f"Patient/{A}"),
       "meta": LABELS[key]} for key in ("none", "r")),
    *({"resourceType": "PlanDefinition", "id": f"{A}-{key}", "status": "active",
       "meta": LABELS[key]} for key in ("none", "r")),
    list_of(f"{A}-list", f"Encounter/{A}-none", HIDDEN),
    binary(f"{A}-pdf-v", LABELS["v"]),
    document(f"{A}-doc-1", f"Binary/{A}-pdf-v"),
    binary(f"{A}-pdf"),
    document(f"{A}-doc-2", f"Binary/{A}-pdf", HIDDEN),
    binary(f"{A}-context", securityContext=ref(f"Encounter/{A}-r")),
    binary(f"{A}-context-v", LABELS["v"], securityContext=ref(f"Patient/{A}")),
    binary(f"{SECRET}-context", securityContext=ref(f"Patient/{SECRET}")),
]  # fmt: skip


def store(everybody: Caller) -> None:
    """Store all of it in one transaction."""
    entries = [
        {
            "resource": each,
            "request": {"method": "PUT", "url": f"{each['resourceType']}/{each['id']}"},
        }
        for each in STORED
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = everybody.request("POST", "", bundle)
    assert answer.status == 200, answer.text
