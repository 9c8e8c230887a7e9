"""What `/oauth` does is in the audit trail.

Spec: security requirement T10: consent, token, revocation, registration
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from fhirserver.access import allow_all
from fhirserver.config import Settings
from fhirserver.console import create_console
from fhirserver.console.audited import EVENTS, TOLD_BY_ITSELF
from fhirserver.definitions import r4
from fhirserver.interactions import Services
from fhirserver.smart.invitations import invite
from fhirserver.store.database import Database, now_us
from tests.console.people import PASSWORD, People
from tests.visitor import Visitor

EVENTS_OF = {
    "token": "token", "introspect": "token-introspection", "revoke": "token-revocation",
    "logout": "logout", "authorize": "authorize",
}  # fmt: skip
_TOLD = """
SELECT interaction, outcome, actor, client, detail FROM audit
WHERE interaction = ANY(%s) ORDER BY at DESC LIMIT 1
"""


def told(people: People, *events: str) -> tuple[Any, ...]:
    with people.database.connection() as connection:
        row: tuple[Any, ...] | None = connection.execute(_TOLD, (list(events),)).fetchone()
    assert row is not None
    return row


def test_every_place_that_changes_something_is_told() -> None:
    services = Services(
        r4(), Database("host=nowhere"), Settings(open=False), allow_all, now_us, b"k" * 32
    )
    changing = {
        rule.endpoint
        for rule in create_console(services).url_map.iter_rules()
        if (rule.methods or set()) - {"GET", "HEAD", "OPTIONS"}
    }
    assert changing == set(EVENTS) | TOLD_BY_ITSELF


def test_who_asks_for_tokens_is_told(people: People, visitor: Visitor) -> None:
    fields = {"grant_type": "authorization_code", "client_id": "an-app", "code": "secret-code"}
    answer = visitor.submit("/oauth/token", fields)
    row = told(people, "token")
    assert row == (
        "token", answer.status, "anonymous", "an-app", {"grant_type": "authorization_code"},
    )  # fmt: skip


@pytest.mark.parametrize("path", ["token", "introspect", "revoke", "logout", "authorize"])
def test_what_is_no_form_is_told_too(people: People, visitor: Visitor, path: str) -> None:
    """SEC-T2, SEC-T10: also where it has more parts than Werkzeug takes apart, which is 1,000."""
    part = '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    answer = visitor.client.request(
        "POST",
        f"/oauth/{path}",
        f"{part * 1001}--b--\r\n".encode(),
        {"Content-Type": "multipart/form-data; boundary=b"},
    )
    assert answer.status == 400
    assert told(people, EVENTS_OF[path])[1] == 400


def test_a_registration_tells_which_application_came_of_it(
    people: People, visitor: Visitor
) -> None:
    """SEC-T10."""
    with people.database.connection() as connection:
        invitation = invite(connection, 1, 60, now_us())
    metadata = {
        "redirect_uris": ["https://app.example.org/after"], "token_endpoint_auth_method": "none",
    }  # fmt: skip
    answer = visitor.client.request(
        "POST", "/oauth/register", metadata,
        {"Content-Type": "application/json", "Authorization": f"Bearer {invitation}"},
    )  # fmt: skip
    assert answer.status == 201
    assert told(people, "client-registration")[3] == answer.json["client_id"]


def test_nothing_leaves_that_is_not_told(people: People, visitor: Visitor) -> None:
    people.add("ada")
    refuse = "ALTER TABLE audit ADD CONSTRAINT full CHECK (interaction <> 'login') NOT VALID"
    people.change(refuse.replace("CONSTRAINT full", 'CONSTRAINT "full"'))
    try:
        answer = visitor.submit("/login", {"username": "ada", "password": PASSWORD})
    finally:
        people.change('ALTER TABLE audit DROP CONSTRAINT "full"')
    assert answer.status >= 500
    assert visitor.cookies == {}


@pytest.mark.parametrize(
    ("role", "method", "path", "row"),
    [
        pytest.param("physician", "GET", "/admin/apps", ("page", "admin_apps.index", "GET"),
                     id="apps"),
        pytest.param("physician", "POST", "/admin/apps", ("page", "admin_apps.change", "POST"),
                     id="app"),
        pytest.param("nurse", "GET", "/admin/break-glass", ("page", "break_glass.queue", "GET"),
                     id="review"),
        pytest.param("physician", "GET", "/admin/api/accounts", ("page", "accounts.index", "GET"),
                     id="accounts"),
        pytest.param("patient", "GET", "/developer", ("page", "developer.index", "GET"),
                     id="developer"),
        pytest.param("billing", "GET", "/record-access", ("page", "record_access.index", "GET"),
                     id="record-access"),
        pytest.param("physician", "GET", "/conformance/", ("page", "conformance.index", "GET"),
                     id="conformance"),
        pytest.param("researcher", "GET", "/launch", ("page", "launcher.index", "GET"),
                     id="launch"),
        pytest.param("auditor", "POST", "/launch", ("launch", None, None), id="launching"),
    ],
)  # fmt: skip
def test_a_page_that_is_refused_is_told_once(
    people: People, role: str, method: str, path: str, row: tuple[str, str | None, str | None]
) -> None:
    """SEC-T10: who wanted what; whoever is not logged in is led to the login and tells nothing."""
    user = {"patient": "Patient/told", "auditor": None, "researcher": None}.get(
        role, "Practitioner/7"
    )
    account = people.add("told-refused", role, user)
    with people.database.connection() as connection:
        (since,) = connection.execute("SELECT clock_timestamp()").fetchone() or (None,)
    with people.log_in(account) as browser:
        if method == "GET":
            answer = browser.get(path)
        else:
            page = browser.get("/logout")
            token = re.search(r'name="csrf" value="([^"]+)"', page.text)
            answer = browser.submit(path, {"csrf": token[1] if token else ""})
    assert answer.status == 403
    actor = account.fhir_user or f"account:{account.id}"
    with people.database.connection() as connection:
        found = connection.execute(
            "SELECT interaction, detail->>'page', detail->>'method', reason FROM audit"
            " WHERE outcome = 403 AND actor = %s AND at > %s",
            (actor, since),
        ).fetchall()
    assert [each[:3] for each in found] == [row]
    assert found[0][3] or row[0] == "launch"


def test_a_probe_of_somebody_elses_record_is_told(people: People) -> None:
    """SEC-T10: at /record-access."""
    with people.log_in(people.add("told-probe", "patient", "Patient/told-own")) as browser:
        assert browser.get("/record-access?patient=told-other").status == 404
    with people.database.connection() as connection:
        found = connection.execute(
            "SELECT outcome, actor FROM audit WHERE interaction = 'record-access'"
            " AND id = 'told-other'"
        ).fetchall()
    assert found == [(404, "Patient/told-own")]
