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
