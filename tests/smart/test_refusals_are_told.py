"""What is refused is in the audit trail: who wanted what, and the rule that stood against it.

Spec: security requirement T10: denied interactions too
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.client import Answer
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


EVERYTHING, OTHER = "system/*.cruds", "system/Observation.rs"
EXPLAINED = "$explain-access?what=GET%20Patient/1"


@pytest.mark.parametrize(
    ("scopes", "method", "path", "body", "rows"),
    [
        pytest.param(EVERYTHING, "GET", "Patient?told-unknown=1", None,
                     [("search-type", 400, "invalid http.told-unknown")], id="unknown-parameter"),
        pytest.param(EVERYTHING, "POST", "Patient/_search", b"_count=x",
                     [("search-type", 400, "invalid http._count")], id="search-form"),
        pytest.param(EVERYTHING, "GET", "Patient/7?_summary=told-wrong", None,
                     [("read", 400, "invalid http._summary")], id="read-parameter"),
        pytest.param(EVERYTHING, "GET", "Patient/7?_format=told/none", None,
                     [("read", 406, "not-supported http._format")], id="format"),
        pytest.param(EVERYTHING, "GET", "Patient/_history?_since=told-wrong", None,
                     [("history-type", 400, "invalid http._since")], id="history-parameter"),
        pytest.param(EVERYTHING, "POST", "Patient", b"{told-secret",
                     [("create", 400, "structure")], id="no-json"),
        pytest.param(EVERYTHING, "PUT", "Patient/7", {"resourceType": "Patient", "id": "8"},
                     [("update", 400, "invalid Patient.id")], id="another-id"),
        pytest.param(EVERYTHING, "POST", "", bundle("batch", "GET", "Patient?told-unknown=1"),
                     [("search-type", 400, "invalid http.told-unknown")], id="entry-of-a-batch"),
        pytest.param(EVERYTHING, "GET", "_async/0123456789abcdef0123456789abcdef", None,
                     [("async-status", 404, "not-found")], id="no-background-answer"),
        pytest.param(EVERYTHING, "DELETE", "_async/0123456789abcdef0123456789abcdef", None,
                     [("async-cancel", 404, "not-found")], id="no-background-answer-to-cancel"),
        pytest.param(EVERYTHING, "GET", EXPLAINED, None, [("explain-access", 200, None)],
                     id="explain-access"),
        pytest.param(EVERYTHING, "GET", "$explain-access", None,
                     [("explain-access", 400, "invalid")], id="explain-nothing"),
        pytest.param(OTHER, "GET", f"{EXPLAINED}&who=account:told", None,
                     [("explain-access", 403, "for administrators")], id="explain-others"),
        pytest.param(EVERYTHING, "GET", "Patient?_explain=plan", None,
                     [("search-type", 200, None)], id="explained-search"),
        pytest.param(OTHER, "GET", "Observation?_explain=true", None,
                     [("search-type", 403, "for administrators")], id="explained-search-refused"),
        pytest.param(EVERYTHING, "GET", "Patient/told-absent", None, [("read", 404, None)],
                     id="absent-is-told-once"),
        pytest.param(EVERYTHING, "POST", "Patient/7", None, [], id="no-such-method"),
        pytest.param(EVERYTHING, "GET", "$told-none", None, [], id="no-such-operation"),
        pytest.param(EVERYTHING, "GET", "Nonsense/7", None, [], id="no-such-type"),
        pytest.param(EVERYTHING, "GET", "metadata?_format=told/none", None, [], id="no-record"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_itself_is_told(
    secured: Secured, scopes: str, method: str, path: str, body: Any, rows: list[tuple[Any, ...]]
) -> None:
    """SEC-T10: every interaction, with what it was about and without what was sent."""
    kind = "application/x-www-form-urlencoded" if "_search" in path else "application/fhir+json"
    with secured.caller(secured.issue(scopes).secret) as caller:
        answer = caller.request(method, path, body, content_type=kind)
    found = all_told(secured, answer)
    assert [row[:2] for row in found] == [row[:2] for row in rows]
    for (*_, expected), (*_, reason, query) in zip(rows, found, strict=True):
        assert reason == expected or expected in reason
        assert "told-secret" not in str(reason)
        if "explain" in path and answer.status == 200:
            assert query == path.partition("?")[2]


def all_told(secured: Secured, answer: Answer) -> list[tuple[Any, ...]]:
    """List what the trail has of a request: interaction, outcome, reason, query."""
    with secured.database.connection() as connection:
        return connection.execute(
            "SELECT interaction, outcome, reason, query FROM audit WHERE request_id = %s",
            (answer.headers["x-request-id"],),
        ).fetchall()


def test_a_probe_of_what_is_somebody_elses_is_told(secured: Secured) -> None:
    """SEC-T10: a paging link and a background answer."""
    with secured.caller(secured.issue(EVERYTHING).secret) as owner:
        for id_ in ("told-1", "told-2"):
            owner.request("PUT", f"Organization/{id_}", {"resourceType": "Organization", "id": id_,
                                                         "name": id_})  # fmt: skip
        page = owner.get("Organization?_count=1")
        links = {each["relation"]: each["url"] for each in page.json["link"]}
        later = owner.get("Organization?_count=1", prefer="respond-async")
    with secured.caller(secured.issue("system/Organization.rs").secret) as other:
        for url, row in (
            (links["next"], ("search-type", 400, "invalid http._page")),
            (later.headers["content-location"], ("async-status", 404, "not-found")),
        ):
            answer = other.get(url.removeprefix(f"{secured.base}/"))
            ((*found, _query),) = all_told(secured, answer)
            assert tuple(found) == row
