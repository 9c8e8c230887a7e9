"""People with accounts for tests of pages, and what time does to their sessions."""

from __future__ import annotations

import base64
import re
import secrets
from dataclasses import dataclass
from functools import cache

from fhirserver.identity import accounts, attempts, passwords, sessions, totp
from fhirserver.identity.accounts import Account
from fhirserver.identity.attempts import Guessed
from fhirserver.identity.sessions import SessionLimits, Stage, Whence
from fhirserver.store.database import Database, now_us
from tests.secured import Secured
from tests.visitor import Visitor

PASSWORD = "velvet-otter-parade-19"
SECOND_US = 1_000_000
_ADD = """
INSERT INTO account (id, username, name, role, fhir_user, created, must_change, password)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""
_MOVE = """
UPDATE account_session SET started = started - %(by)s, last_seen = last_seen - %(by)s,
    auth_time = auth_time - %(by)s, ends = ends - %(by)s WHERE account = %(account)s
"""


def code_now(secret: bytes, steps: int = 0) -> str:
    """Give the code that an authenticator shows now, or some steps later."""
    return totp.code(secret, now_us() // SECOND_US // totp.STEP_S + steps)


_hashed = cache(passwords.hash_password)


@dataclass(frozen=True)
class People:
    """The accounts of a server with authentication."""

    secured: Secured

    @property
    def database(self) -> Database:
        """Where they are."""
        return self.secured.database

    def add(
        self,
        username: str,
        role: str = "physician",
        fhir_user: str | None = "Practitioner/7",
        *,
        must_change: bool = False,
    ) -> Account:
        """Add somebody whose password is PASSWORD, which is hashed once for all of them."""
        id_ = secrets.token_hex(8)
        values = (id_, username, f"Name of {username}", role, fhir_user, now_us(), must_change)
        self.change(_ADD, *values, _hashed(PASSWORD))
        account = accounts.find(self.database, id_)
        assert account is not None
        return account

    def fail(self, username: str, times: int) -> None:
        """Count failed attempts at an account, from elsewhere."""
        guessed = Guessed(username, "198.51.100.1", administrator=False)
        with self.database.connection() as connection:
            for _ in range(times):
                attempts.count(connection, guessed, 1000, now=now_us())

    def log_in_halfway(self, account: Account) -> Visitor:
        """Give a browser in which a code is to follow the password."""
        return self._visitor(account, "second-factor")

    def log_in(self, account: Account) -> Visitor:
        """Give a browser in which somebody has logged in with a password, past the page."""
        return self._visitor(account, "complete")

    def _visitor(self, account: Account, stage: Stage) -> Visitor:
        visitor = Visitor(self.secured.base)
        whence = Whence("127.0.0.1", "", "")
        with self.database.connection() as connection:
            visitor.cookies["session"] = sessions.begin(
                connection, account.id, stage, ("pwd",), whence, SessionLimits(), now=now_us()
            )
        return visitor

    def enter(self, account: Account) -> Visitor:
        """Give a browser in which somebody is logged in with two factors, past the pages."""
        visitor = Visitor(self.secured.base)
        amr = ("pwd", "otp", "mfa")
        visitor.cookies["session"] = self.secured.log_in(account.id, amr=amr)
        return visitor

    def enrol(
        self, visitor: Visitor, place: str = "/account/second-factor"
    ) -> tuple[bytes, list[str]]:
        """Enrol an authenticator at a page; give its secret and the recovery codes."""
        page = visitor.get(place).text
        found = re.search(r'class="secret">([^<]+)<', page)
        assert found is not None, page
        secret = base64.b32decode(found[1].replace(" ", ""))
        answer = visitor.fill_in(place, code=code_now(secret))
        codes = re.findall(r"<li><code>([^<]+)</code>", answer.text)
        assert len(codes) == 10, answer.text
        return secret, codes

    def last_code(self, account: Account, secret: bytes) -> str:
        """Give the code that somebody used last."""
        with self.database.connection() as connection:
            row = connection.execute(
                "SELECT totp_step FROM account WHERE id = %s", (account.id,)
            ).fetchone()
        assert row is not None
        return totp.code(secret, row[0])

    def let_pass(self, account: Account, seconds: int) -> None:
        """Move somebody's sessions into the past."""
        with self.database.connection() as connection:
            values = {"by": seconds * SECOND_US, "account": account.id}
            connection.execute(_MOVE, values)

    def change(self, sql: str, *values: object) -> None:
        """Change a row by hand."""
        with self.database.connection() as connection:
            connection.execute(sql.encode(), values)
