"""TestScripts that tests run."""

from typing import Any

_CODES = "http://terminology.hl7.org/CodeSystem/testscript-operation-codes"


def action(code: str, **more: Any) -> dict[str, Any]:
    """Make an operation."""
    type_ = {"system": _CODES, "code": code}
    return {"operation": {"type": type_, "encodeRequestUrl": True, **more}}


def expect(**more: Any) -> dict[str, Any]:
    """Make an assert."""
    return {"assert": {"warningOnly": False, **more}}


def script(**more: Any) -> dict[str, Any]:
    """Make a script that reads Patient/p and expects it to be there."""
    read = [action("read", resource="Patient", params="/p"), expect(response="okay")]
    return {
        "resourceType": "TestScript",
        "url": "http://tests.test/TestScript/reading",
        "name": "Reading",
        "status": "active",
        "test": [{"name": "what is stored is read", "action": read}],
        **more,
    }
