"""What is refused is in the audit trail: who wanted what, and the rule that stood against it.

Spec: security requirement T10: denied interactions too
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.secured import Secured

_TOLD = """
SELECT interaction, id, outcome, token IS NOT NULL, reason FROM audit
WHERE request_id = %s AND outcome >= 400
"""


def told(secured: Secured, request_id: str) -> list[tuple[Any, ...]]:
    with secured.database.connection() as connection:
        return connection.execute(_TOLD, (request_id,)).fetchall()


@pytest.mark.parametrize(
    ("scopes", "method", "path", "body", "row"),
    [
        pytest.param(
            None, "GET", "Patient/7", None, ("read", "7", 401, False, "access token"),
            id="SEC-T10/without-a-token",
        ),
        pytest.param(
            "system/Observation.rs", "GET", "Patient/7", None, ("read", "7", 403, True, "scope"),
            id="SEC-T10/without-the-scope",
        ),
        pytest.param(
            "system/Patient.rs", "POST", "Patient", {"resourceType": "Patient"},
            ("create", None, 403, True, "scope"), id="SEC-T10/without-the-right",
        ),
        pytest.param(
            "system/Observation.rs", "POST", "",
            {
                "resourceType": "Bundle",
                "type": "batch",
                "entry": [{"request": {"method": "GET", "url": "Patient/7"}}],
            },
            ("read", "7", 403, True, "scope"), id="SEC-T10/entry-of-a-batch",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_is_told(
    secured: Secured, scopes: str | None, method: str, path: str, body: Any, row: tuple[Any, ...]
) -> None:
    token = None if scopes is None else secured.issue(scopes).secret
    with secured.caller(token) as caller:
        answer = caller.request(method, path, body)
    (found,) = told(secured, answer.headers["x-request-id"])
    assert found[:4] == row[:4]
    assert row[4] in found[4]


def patch(value: str) -> dict[str, Any]:
    parts = [{"name": "type", "valueCode": "delete"}, {"name": "path", "valueString": value}]
    return {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}


def bundle(kind: str, method: str, url: str, resource: Any = None) -> dict[str, Any]:
    entry = {"request": {"method": method, "url": url}}
    whole = entry if resource is None else {**entry, "resource": resource}
    return {"resourceType": "Bundle", "type": kind, "entry": [whole]}


ABSENT, NONE = "Patient/told-absent", "Patient?identifier=told-none"
PATCH = patch("Patient.active")
WRONG = {"resourceType": "Patient", "birthDate": "told-secret"}
TO_NOTHING = {"resourceType": "Patient", "managingOrganization": {"reference": "Organization/no"}}


@pytest.mark.parametrize(
    ("method", "path", "body", "interaction", "status"),
    [
        pytest.param("PATCH", ABSENT, PATCH, "patch", 404, id="patch"),
        pytest.param("PATCH", NONE, PATCH, "conditional-patch", 404, id="conditional-patch"),
        pytest.param("DELETE", NONE, None, "delete", 404, id="conditional-delete"),
        pytest.param("POST", "Patient", WRONG, "create", 422, id="create"),
        pytest.param("POST", "Patient", TO_NOTHING, "create", 409, id="reference-to-nothing"),
        pytest.param("POST", "", bundle("batch", "PATCH", ABSENT, PATCH), "patch", 404,
                     id="batch/patch"),
        pytest.param("POST", "", bundle("batch", "DELETE", NONE), "delete", 404,
                     id="batch/conditional-delete"),
        pytest.param("POST", "", bundle("batch", "GET", ABSENT), "read", 404, id="batch/read"),
        pytest.param("POST", "", bundle("transaction", "GET", ABSENT), "batch", 404,
                     id="transaction/read"),
        pytest.param("POST", "", bundle("transaction", "PATCH", ABSENT, PATCH), "batch", 404,
                     id="transaction/patch"),
        pytest.param("POST", "", bundle("transaction", "DELETE", NONE), "delete", 404,
                     id="transaction/conditional-delete"),
        pytest.param("POST", "Patient/$validate?mode=create", TO_NOTHING, "validate", 200,
                     id="rehearsal"),
        pytest.param("POST", "Patient/$validate", WRONG, "validate", 200, id="validate"),
    ],
)  # fmt: skip
def test_what_fails_or_finds_nothing_is_told_once(
    secured: Secured, method: str, path: str, body: Any, interaction: str, status: int
) -> None:
    """SEC-T10: what a write looked at is told although the write is undone; no content is."""
    with secured.caller(secured.issue("system/*.cruds").secret) as caller:
        kind = "application/fhir+json"
        answer = caller.request(method, path, body, content_type=kind)
    with secured.database.connection() as connection:
        rows = connection.execute(
            "SELECT interaction, outcome, reason FROM audit WHERE request_id = %s",
            (answer.headers["x-request-id"],),
        ).fetchall()
    assert [row[:2] for row in rows] == [(interaction, status)]
    assert "told-secret" not in str(rows)
