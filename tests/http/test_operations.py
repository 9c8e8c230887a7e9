"""$validate over HTTP: where it can be invoked, and what it answers.

Spec: https://hl7.org/fhir/R4/operations.html#executing
"""

from typing import Any

import pytest

from tests.client import Client

PATIENT = {"resourceType": "Patient", "id": "op1", "gender": "female"}
WRONG = {**PATIENT, "gender": "purple"}


def severities(outcome: Any) -> set[str]:
    return {issue["severity"] for issue in outcome["issue"]}


@pytest.mark.parametrize(
    ("path", "body", "worst"),
    [
        pytest.param("Patient/$validate", PATIENT, "information", id="type/right"),
        pytest.param("Patient/$validate", WRONG, "error", id="type/wrong"),
        pytest.param("Patient/op1/$validate?mode=update", PATIENT, "information", id="instance"),
        pytest.param(
            "Patient/$validate",
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "resource", "resource": WRONG}],
            },
            "error",
            id="parameters",
        ),
    ],
)
@pytest.mark.usefixtures("clean")
def test_validate_says_what_a_write_would(
    client: Client, path: str, body: object, worst: str
) -> None:
    answer = client.post(path, body)
    assert answer.status == 200, answer.text
    assert severities(answer.json) == {worst}
    assert client.get("Patient/op1").status == 404, "nothing is stored"


def test_validate_reads_what_is_stored(client: Client, clean: None) -> None:
    assert client.put("Patient/op1", PATIENT).status == 201
    assert severities(client.get("Patient/op1/$validate").json) == {"information"}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("POST", "$validate", 404, id="not-at-the-base"),
        pytest.param("POST", "Patient/$nothing", 404, id="unknown"),
        pytest.param("DELETE", "Patient/$validate", 405, id="method"),
    ],
)
def test_what_is_no_operation(client: Client, method: str, path: str, status: int) -> None:
    body = PATIENT if method == "POST" else None
    assert client.request(method, path, body).status == status


def test_the_capability_statement_lists_it(client: Client) -> None:
    (rest,) = client.get("metadata").json["rest"]
    patient = next(each for each in rest["resource"] if each["type"] == "Patient")
    assert [operation["name"] for operation in patient["operation"]] == ["validate"]
