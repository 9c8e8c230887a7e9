"""Every route and every operation asks who may: none answers a caller without a grant."""

from __future__ import annotations

import pytest

from fhirserver.http.routing import ROUTES
from fhirserver.operations import OPERATIONS
from tests.secured import Secured

PATHS = {
    "base": "", "metadata": "metadata", "openapi.json": "openapi.json", "_search": "_search",
    "_history": "_history", "_async": "_async/0123", "type": "Basic",
    "type/_search": "Basic/_search", "type/_history": "Basic/_history", "instance": "Basic/1",
    "instance/_history": "Basic/1/_history", "version": "Basic/1/_history/1",
    "compartment": "Patient/1/Basic", "compartment/_search": "Patient/1/Basic/_search",
    "operation": "$fhirpath", ".well-known": ".well-known/smart-configuration",
}  # fmt: skip
PUBLIC = {"capabilities", "discovery"}
OPEN = {**dict.fromkeys((*PUBLIC, "openapi"), 200), "async-status": 404, "async-cancel": 404}
"""What needs no grant: what the server can do, and keys that are not the caller's."""
BATCH = {"resourceType": "Bundle", "type": "batch", "entry": []}
BASIC = {"resourceType": "Basic", "id": "1", "code": {"text": "x"}}
PATCH = "application/merge-patch+json"
FORM = "application/x-www-form-urlencoded"


def asked() -> list[tuple[str, str, str]]:
    """List method, path and interaction of every route, and of every operation at every level."""
    routes = [
        (method, PATHS[shape], interaction)
        for shape, methods in ROUTES.items()
        for method, interaction in methods.items()
    ]
    for operation in OPERATIONS.values():
        type_ = min(operation.types or {"Basic"})
        levels = {"system": "", "type": f"{type_}/", "instance": f"{type_}/1/"}
        method = "POST" if operation.affects_state else "GET"
        routes += [
            (method, f"{levels[level]}${operation.code}", "operation")
            for level in sorted(operation.levels)
        ]
    return routes


@pytest.mark.parametrize(("method", "path", "interaction"), asked())
def test_nothing_is_answered_without_a_grant(
    secured: Secured, method: str, path: str, interaction: str
) -> None:
    """SEC-E0, SEC-E1: a route without a rule fails here."""
    body: object = {"batch": BATCH, "create": BASIC}.get(interaction, BASIC)
    headers = {"content_type": PATCH} if method == "PATCH" else {}
    if path.endswith("_search"):
        body, headers = b"", {"content_type": FORM}
    if method in ("GET", "DELETE"):
        body = None
    query = "?_id=1" if interaction.startswith("conditional") else ""
    with secured.caller(secured.issue("launch").secret) as nobody:
        answer = nobody.request(method, path + query, body, **headers)
    assert answer.status == OPEN.get(interaction, 403), answer.text
    if answer.status == 403:
        assert answer.json["resourceType"] == "OperationOutcome"
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
    with secured.caller(None) as stranger:
        answer = stranger.request(method, path + query, body, **headers)
    assert answer.status == (200 if interaction in PUBLIC else 401)
