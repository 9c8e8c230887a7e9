"""Resources and changes that the store's tests write."""

from __future__ import annotations

from typing import Any

from fhirserver.definitions import r4
from fhirserver.model.json import JsonObject
from fhirserver.model.stored import Method
from fhirserver.search.extract import extract
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.write import Change

AUDIT = AuditRow("test", "Practitioner/tester", "tests", "request-1", "127.0.0.1")


def patient(id: str, family: str = "Chalmers", **more: Any) -> JsonObject:
    """Make a Patient."""
    return {"resourceType": "Patient", "id": id, "name": [{"family": family}], **more}


def observation(id: str, *subjects: str, **more: Any) -> JsonObject:
    """Make an Observation; subjects after the first are performers, e.g. "Patient/b"."""
    content: JsonObject = {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}], "text": "pulse"},
        "effectiveDateTime": "2026-01-02T03:04:05Z",
        "valueQuantity": {
            "value": 72,
            "unit": "/min",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    }
    if subjects:
        content["subject"] = {"reference": subjects[0]}
    if subjects[1:]:
        content["performer"] = [{"reference": each} for each in subjects[1:]]
    return {**content, **more}


def put(content: JsonObject, **options: Any) -> Change:
    """Make the change of an update."""
    return _change(content, "PUT", **options)


def post(content: JsonObject) -> Change:
    """Make the change of a create."""
    return _change(content, "POST", create_only=True)


def delete(type: str, id: str, **options: Any) -> Change:
    """Make the change of a delete."""
    return Change(type, id, "DELETE", None, None, **options)


def _change(content: JsonObject, method: Method, **options: Any) -> Change:
    rows = extract(content, definitions=r4(), base_url=None)
    return Change(content["resourceType"], content["id"], method, content, rows, **options)
