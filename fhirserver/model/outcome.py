"""OperationOutcome from issues.

Spec: https://hl7.org/fhir/R4/operationoutcome.html and
https://hl7.org/fhir/R4/codesystem-operation-outcome.html

`details` says in a few words what kind of issue it is, or which invariant is broken, and has a
coding where HL7 has a code for it; `diagnostics` has the place, the rule and the remedy.
"""

from collections.abc import Iterable

from fhirserver.errors import Issue
from fhirserver.model.json import JsonObject

DETAILS_SYSTEM = "http://terminology.hl7.org/CodeSystem/operation-outcome"
REASON_SYSTEM = "http://terminology.hl7.org/CodeSystem/v3-ActReason"

_KINDS = {
    "business-rule": "Business rule broken",
    "code-invalid": "Code not valid",
    "conflict": "Conflict with what is stored",
    "deleted": "Deleted",
    "duplicate": "Duplicate",
    "exception": "Failure of the server",
    "forbidden": "Forbidden",
    "informational": "Information",
    "invalid": "Invalid request",
    "invariant": "Invariant broken",
    "login": "Log-in needed",
    "multiple-matches": "Several matches",
    "not-found": "Not found",
    "not-supported": "Not supported",
    "processing": "Rule of FHIR broken",
    "required": "Element missing",
    "structure": "Structure broken",
    "suppressed": "Withheld",
    "throttled": "Too many requests",
    "timeout": "Too slow",
    "too-costly": "Too much to list",
    "too-long": "Beyond a limit",
    "transient": "Try again",
    "value": "Value not valid",
}


def operation_outcome(issues: Iterable[Issue]) -> JsonObject:
    """Build the resource; one entry per issue, in their order."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues]}


def _issue(issue: Issue) -> JsonObject:
    entry: JsonObject = {
        "severity": issue.severity,
        "code": issue.code,
        "details": _details(issue),
        "diagnostics": issue.diagnostics,
    }
    if issue.expression:
        entry["expression"] = list(issue.expression)
    return entry


def _details(issue: Issue) -> JsonObject:
    kind = _KINDS.get(issue.code, issue.code)
    if issue.details is None:
        return {"text": kind}
    if issue.details.isupper():
        system = REASON_SYSTEM if issue.code == "suppressed" else DETAILS_SYSTEM
        return {"coding": [{"system": system, "code": issue.details}], "text": kind}
    return {"text": issue.details}
