"""OperationOutcome from issues.

Spec: https://hl7.org/fhir/R4/operationoutcome.html
"""

from collections.abc import Iterable

from fhirserver.errors import Issue
from fhirserver.model.json import JsonObject


def operation_outcome(issues: Iterable[Issue]) -> JsonObject:
    """Build the resource; one entry per issue, in their order."""
    return {"resourceType": "OperationOutcome", "issue": [_issue(issue) for issue in issues]}


def _issue(issue: Issue) -> JsonObject:
    entry: JsonObject = {"severity": issue.severity, "code": issue.code}
    if issue.details is not None:
        entry["details"] = {"text": issue.details}
    entry["diagnostics"] = issue.diagnostics
    if issue.expression:
        entry["expression"] = list(issue.expression)
    return entry
