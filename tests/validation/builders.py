"""Resources to break, and what is said of each."""

from typing import Any

import pytest

from fhirserver.validation import validate

XHTML = 'xmlns="http://www.w3.org/1999/xhtml"'
LOINC = {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}


def patient(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **members}


def observation(**members: Any) -> dict[str, Any]:
    return {"resourceType": "Observation", "status": "final", "code": LOINC, **members}


def narrative(inner: str) -> dict[str, Any]:
    return patient(text={"status": "generated", "div": f"<div {XHTML}>{inner}</div>"})


def bundle(type: str, *entries: dict[str, Any], **members: Any) -> dict[str, Any]:
    entry = {"entry": list(entries)} if entries else {}
    return {"resourceType": "Bundle", "type": type, **entry, **members}


def row(id: str, resource: dict[str, Any], code: str, place: str, says: str) -> Any:
    return pytest.param(resource, code, place, says, id=id)


def assert_refused(resource: dict[str, Any], code: str, place: str, says: str) -> None:
    """One error and no other, with this code and place, and these words in its text."""
    found = [issue for issue in validate(resource) if issue.severity == "error"]
    assert [(code, place)] == [(issue.code, issue.expression[0]) for issue in found]
    assert says in found[0].diagnostics
