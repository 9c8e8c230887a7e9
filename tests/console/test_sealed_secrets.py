"""The secrets of authenticators are sealed with secrets.key; older ones open, and move to it.

Spec: security requirement U2
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from fhirserver.access import allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import UnavailableError
from fhirserver.identity.accounts import Account
from fhirserver.identity.seal import seal, unseal
from fhirserver.interactions import Services
from fhirserver.secret_file import CURSOR_KEY_FILE, SECRETS_KEY_FILE
from fhirserver.store.database import now_us
from tests.console.people import People, code_now

LOST = b"\0" * 32


@dataclass(frozen=True)
class Sealing:
    """Somebody's row, and the keys of the server."""

    people: People
    account: Account
    services: Services

    @property
    def earlier(self) -> Services:
        """The server as earlier versions had it, with one key for all."""
        return replace(self.services, secrets_key=self.services.cursor_key)

    def kept(self, column: str = "totp") -> bytes:
        """Read what is in the row."""
        with self.people.database.connection() as connection:
            sql = f"SELECT {column} FROM account WHERE id = %s".encode()
            row = connection.execute(sql, (self.account.id,)).fetchone()
        assert row is not None
        return bytes(row[0])

    def opens(self, **keys: bytes) -> bytes:
        """Open what is in the row with other keys than the server's."""
        return unseal(replace(self.services, **keys), self.account.id, self.kept()).secret


@pytest.fixture
def sealing(people: People) -> Sealing:
    folder = people.secured.server.log.parent / "data"
    cursor_key, secrets_key = (
        (folder / name).read_bytes() for name in (CURSOR_KEY_FILE, SECRETS_KEY_FILE)
    )
    services = Services(
        r4(), people.database, Settings(), allow_all, now_us, cursor_key, secrets_key=secrets_key
    )
    return Sealing(people, people.add("ada"), services)


def test_the_key_of_paging_links_opens_none(sealing: Sealing) -> None:
    """SEC-U2: nor does another account's id."""
    secret, _ = sealing.people.enrol(sealing.people.log_in(sealing.account))
    assert sealing.opens(cursor_key=LOST) == secret
    with pytest.raises(UnavailableError, match=r"secrets\.key"):
        sealing.opens(secrets_key=LOST)
    with pytest.raises(UnavailableError):
        unseal(sealing.services, "somebody-else", sealing.kept())


@pytest.mark.parametrize("code", ["right", "recovery"])
def test_what_earlier_versions_sealed_is_sealed_anew_when_it_is_used(
    sealing: Sealing, code: str
) -> None:
    """SEC-U2."""
    people, account = sealing.people, sealing.account
    secret, recovery = people.enrol(people.log_in(account))
    old = seal(sealing.earlier, account.id, secret)
    people.change("UPDATE account SET totp = %s WHERE id = %s", old, account.id)
    visitor = people.log_in_halfway(account)
    given = code_now(secret, 1) if code == "right" else recovery[0]
    assert visitor.fill_in("/login/second-factor", code=given).status == 303
    assert visitor.get("/account").status == 200
    assert sealing.opens(cursor_key=LOST) == secret


def test_what_an_earlier_version_has_offered_is_offered_anew(sealing: Sealing) -> None:
    """SEC-U2: it was sealed for an account, and not for a session."""
    people, account = sealing.people, sealing.account
    begun = seal(sealing.earlier, account.id, b"twenty bytes of them")
    people.change("UPDATE account SET totp_offered = %s WHERE id = %s", begun, account.id)
    secret, _ = people.enrol(people.log_in(account))
    assert secret != b"twenty bytes of them"
    assert (
        people.log_in_halfway(account)
        .fill_in("/login/second-factor", code=code_now(secret, 1))
        .status
        == 303
    )
    assert sealing.opens(cursor_key=LOST) == secret
