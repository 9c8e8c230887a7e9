"""What the audit trail is told of logins and of accounts (SEC-T10)."""

from __future__ import annotations

from fhirserver.audit import audit_event
from fhirserver.definitions import r4
from fhirserver.store.audit_trail import TRAIL_COLUMNS
from tests.console.people import PASSWORD, People, code_now
from tests.console.test_admin_accounts import API, NEW, post
from tests.visitor import Visitor

_ROWS = f"SELECT {', '.join(TRAIL_COLUMNS)} FROM audit WHERE at > %s ORDER BY at, entry"
_NOW = "SELECT clock_timestamp()"
_COUNT = "SELECT count(*) FROM audit"


def test_every_proof_and_change_is_told(people: People, visitor: Visitor) -> None:
    with people.database.connection() as connection:
        (since,) = connection.execute(_NOW).fetchone() or (None,)
    ada, root = people.add("ada"), people.add("root", "administrator", None)
    with people.log_in(ada) as earlier:
        secret, _ = people.enrol(earlier)
    for username, password in (("ada", "wrong"), ("canary-typed", PASSWORD), ("ada", PASSWORD)):
        visitor.submit("/login", {"username": username, "password": password})
    visitor.submit("/login/second-factor", {"code": "000000"})
    visitor.submit("/login/second-factor", {"code": code_now(secret, 1)})
    visitor.fill_in("/logout")
    with people.log_in(root) as admin:
        post(admin, API, NEW)
        post(admin, f"{API}/nora/disable")
    with people.database.connection() as connection:
        rows = [
            dict(zip(TRAIL_COLUMNS, row, strict=True))
            for row in connection.execute(_ROWS, (since,))
        ]
    own = {"account": ada.id}
    found = [(row["interaction"], row["actor"], row["outcome"], row["detail"]) for row in rows]
    assert found[:-1] == [
        ("account-second-factor", "Practitioner/7", 200, own),
        ("login", "Practitioner/7", 401, own),
        ("login", "anonymous", 401, None),
        ("login", "Practitioner/7", 200, own),
        ("login-code", "Practitioner/7", 401, own),
        ("login-code", "Practitioner/7", 200, own),
        ("logout", "Practitioner/7", 200, own),
        ("account-add", f"account:{root.id}", 200, {"username": "nora"}),
    ]
    assert found[-1][:3] == ("account-disable", f"account:{root.id}", 200)
    assert {row["address"] for row in rows} == {"127.0.0.1"}
    assert "canary-typed" not in repr(rows)
    event = audit_event(rows[1], (), r4(), people.secured.base)
    assert (event["type"]["code"], event["outcome"]) == ("110114", "8")
    assert [each["code"] for each in event["subtype"]] == ["110122", "login"]


def test_what_is_shut_does_not_fill_the_trail(people: People, visitor: Visitor) -> None:
    people.add("ada")
    people.fail("ada", 5)
    with people.database.connection() as connection:
        before = connection.execute(_COUNT).fetchone()
        assert visitor.submit("/login", {"username": "ada", "password": PASSWORD}).status == 429
        assert connection.execute(_COUNT).fetchone() == before
