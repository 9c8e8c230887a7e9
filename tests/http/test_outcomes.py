"""What every OperationOutcome says beside severity and code.

Spec: https://hl7.org/fhir/R4/operationoutcome-definitions.html#OperationOutcome.issue.details
"""

from typing import Any

import pytest

from fhirserver.model.outcome import DETAILS_SYSTEM
from tests.client import Client

pytestmark = pytest.mark.usefixtures("clean")

BROKEN = {"resourceType": "Patient", "contact": [{"gender": "male"}]}


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "details"),
    [
        pytest.param("GET", "Patient/none", None, 404, ("MSG_NO_EXIST", "Not found"), id="404"),
        pytest.param("DELETE", "metadata", None, 405, ("MSG_OP_NOT_ALLOWED", "Not supported"),
                     id="405"),
        pytest.param("POST", "Patient", b"{", 400, ("MSG_BAD_SYNTAX", "Structure broken"),
                     id="400-syntax"),
        pytest.param("GET", "Patient?none=x", None, 400, (None, "Invalid request"),
                     id="400-search"),
        pytest.param("POST", "Patient", BROKEN, 422, (None, "pat-1"), id="422-invariant"),
        pytest.param("POST", "Patient", {"resourceType": "Patient", "x": 1}, 422,
                     (None, "Structure broken"), id="422-structure"),
    ],
)  # fmt: skip
def test_details_are_for_programs(
    client: Client, method: str, path: str, body: Any, status: int, details: tuple[str | None, str]
) -> None:
    answer = client.request(method, path, body)
    assert answer.status == status
    code, text = details
    found = answer.json["issue"][0]["details"]
    assert found["text"] == text
    assert found.get("coding") == (code and [{"system": DETAILS_SYSTEM, "code": code}])


def test_a_deleted_resource(client: Client) -> None:
    client.put("Patient/a", {"resourceType": "Patient", "id": "a"})
    client.delete("Patient/a")
    (issue,) = client.get("Patient/a").json["issue"]
    assert issue["details"]["coding"][0]["code"] == "MSG_DELETED_ID"
