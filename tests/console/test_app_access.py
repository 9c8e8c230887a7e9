"""What applications hold in a person's name ends with what the person's proof was worth.

Spec: RFC 9700 section 4.14; security requirements E26, R4, U2
"""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest

from fhirserver.cli import main
from fhirserver.identity import sessions
from fhirserver.identity.accounts import Account
from fhirserver.smart import grants, tokens
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.tokens import NewToken
from fhirserver.store.database import now_us
from tests.console.people import People
from tests.console.test_account import OTHER_PASSWORD
from tests.console.test_admin_accounts import API, post
from tests.secured import APPLICATION
from tests.visitor import Visitor

_DETAIL = "SELECT detail FROM audit WHERE interaction = %s ORDER BY at DESC LIMIT 1"
_SESSION = "SELECT id FROM account_session WHERE secret = %s"
_CONSENT = "INSERT INTO oauth_consent (account, client, scopes, given) VALUES (%s, %s, 'x', 1)"
_CONSENTED = "SELECT count(*) FROM oauth_consent WHERE account = %s"
Act = Callable[[People, Account, Visitor], None]


def by_command(*words: str) -> Act:
    def act(people: People, account: Account, _here: Visitor) -> None:
        action, *more = words
        assert main(["user", action, account.username, *more, "--database-url",
                     people.database.url]) == 0  # fmt: skip

    return act


def by_administrator(people: People, account: Account, _here: Visitor) -> None:
    with people.log_in(people.add("root", "administrator", None)) as admin:
        assert post(admin, f"{API}/{account.username}/disable").status == 204
        assert post(admin, f"{API}/{account.username}/enable").status == 204


def by_owner(**fields: str) -> Act:
    def act(_people: People, _account: Account, here: Visitor) -> None:
        answer = here.fill_in("/account/password", password=OTHER_PASSWORD, **fields)
        assert answer.status == 303, answer.text

    return act


def allow(people: People, account: Account, browser: Visitor, scopes: str) -> tuple[str, str]:
    """Let an application have what was allowed in a browser; give its two tokens."""
    people.secured.issue(scopes)  # so that the application is registered
    held = (tokens.new_secret(), tokens.new_secret())
    with people.database.connection() as connection:
        secret = sessions.digest(browser.cookies["session"])
        (session,) = connection.execute(_SESSION, (secret,)).fetchone() or ("",)
        grant = TokenGrant(APPLICATION, people.secured.base, scopes, account.id, session)
        under = grants.add(connection, grant, now_us())
        for kind, each in zip(("access", "refresh"), held, strict=True):
            new = NewToken(each, "access" if kind == "access" else "refresh", scopes, 3600)
            tokens.add(connection, under, new, now_us())
    return held


def counts(people: People, visitor: Visitor, held: tuple[str, str]) -> tuple[int, int]:
    """Give the statuses that the two tokens get."""
    access, refresh = held
    with people.secured.caller(access) as caller:
        read = caller.get("Practitioner?_count=0").status
    fields = {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": APPLICATION}
    return read, visitor.submit("/oauth/token", fields).status


ENDED, GOES_ON = (401, 400), (200, 200)


@pytest.mark.parametrize(
    ("event", "act", "lasting", "told"),
    [
        pytest.param("account-set-password", by_command("set-password", "--stdin"), ENDED, 2,
                     id="SEC-E26-password-given-out"),
        pytest.param("account-reset-second-factor", by_command("reset-second-factor"), ENDED, 2,
                     id="SEC-U2-second-factor-reset"),
        pytest.param("account-set-role", by_command("set-role", "--role", "auditor"), ENDED, 2,
                     id="SEC-E26-another-role"),
        pytest.param("account-disable", by_administrator, ENDED, 2,
                     id="SEC-E26-disabled-and-enabled-again"),
        pytest.param("account-password", by_owner(), ENDED, 2, id="SEC-R4-own-change"),
        pytest.param("account-password", by_owner(keep_apps="on"), GOES_ON, 1,
                     id="SEC-R4-own-change-that-leaves-apps"),
        pytest.param("account-set-training", by_command("set-training", "2999-01-01"), GOES_ON,
                     None, id="SEC-U5-training-ends-nothing"),
    ],
)  # fmt: skip
def test_access_ends_with_what_proved_its_owner(  # noqa: PLR0917 - fixtures and a row
    people: People,
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    event: str,
    act: Act,
    lasting: tuple[int, int],
    told: int | None,
) -> None:
    """Offline access, too; how many grants ended is in the audit trail."""
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{OTHER_PASSWORD}\n"))
    ada = people.add("ada")
    with people.log_in(ada) as here, people.log_in(ada) as there:
        offline = allow(people, ada, here, "user/*.rs offline_access")
        online = allow(people, ada, there, "user/*.rs online_access")
        people.change(_CONSENT, ada.id, APPLICATION)
        assert counts(people, visitor, offline)[0] == 200
        act(people, ada, here)
    assert counts(people, visitor, offline) == lasting
    assert counts(people, visitor, online) == (GOES_ON if told is None else ENDED)
    with people.database.connection() as connection:
        (detail,) = connection.execute(_DETAIL, (event,)).fetchone() or (None,)
        (consented,) = connection.execute(_CONSENTED, (ada.id,)).fetchone() or (None,)
    assert detail.get("grants") == told
    assert consented == (0 if lasting == ENDED else 1)
