"""Accounts: who may log in, as whom, in which role.

account            one row per person
  username         lower case; what is typed to log in
  fhir_user        the resource that stands for the person, e.g. "Practitioner/7"
  training_expires last day on which the person's training counts
  must_change      the password was given out by somebody else and is to be replaced first
account_patient    patients for whom a proxy may act, each until an instant
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from psycopg import Connection

from fhirserver.errors import NotFoundError
from fhirserver.store.database import Database

ACCOUNT_COLUMNS = (
    "a.id, a.username, a.name, a.role, a.fhir_user, a.training_expires, a.disabled, a.created,"
    " a.must_change, a.totp IS NOT NULL"
)
_FIND = f"SELECT {ACCOUNT_COLUMNS} FROM account a WHERE a.id = %s"  # noqa: S608 - constants
_NAMED = f"SELECT {ACCOUNT_COLUMNS} FROM account a WHERE a.username = %s"  # noqa: S608 - constants
_PAGE = (
    f"SELECT {ACCOUNT_COLUMNS} FROM account a"  # noqa: S608 - constants
    " WHERE a.username > %s ORDER BY a.username LIMIT %s"
)
_FORGET_PATIENTS = "DELETE FROM account_patient WHERE account = %s"
_ADD_PATIENT = """
INSERT INTO account_patient (account, patient, expires) VALUES (%s, %s, %s)
ON CONFLICT (account, patient) DO UPDATE SET expires = excluded.expires
"""
_PROXIED = """
SELECT patient, expires FROM account_patient WHERE account = %s AND expires > %s ORDER BY patient
"""


@dataclass(frozen=True, slots=True)
class Account:
    """One person's account.

    Attributes:
        id: never changes and is never given again; the `sub` of OpenID Connect.
        username: what is typed to log in, lower case.
        name: for people, e.g. "Dr. Ada Byron".
        role: name of the role, e.g. "physician".
        fhir_user: relative reference of who it is, e.g. "Practitioner/7"; None for nobody of whom
            there is a resource.
        training_expires: last day on which the training counts; None where none is asked for.
        disabled: may not log in, and no token of this account counts.
        created: epoch microseconds.
        must_change: the password has to be replaced before anything else.
        second_factor: whether an authenticator application is enrolled.
    """

    id: str
    username: str
    name: str
    role: str
    fhir_user: str | None
    training_expires: date | None
    disabled: bool
    created: int
    must_change: bool
    second_factor: bool

    @property
    def patient(self) -> str | None:
        """Logical id of the patient that this person is; None for others."""
        kind, _, id_ = (self.fhir_user or "").partition("/")
        return id_ if kind == "Patient" else None

    def is_trained(self, now_us: int) -> bool:
        """Whether the training counts at an instant, epoch microseconds; days are UTC's."""
        return is_trained(self.training_expires, now_us)

    @property
    def actor(self) -> str:
        """Who it is, for the audit."""
        return actor_of(self.fhir_user, self.id)


def is_trained(expires: date | None, now_us: int) -> bool:
    """Whether a training counts at an instant; days are UTC's."""
    return expires is None or datetime.fromtimestamp(now_us // 1_000_000, UTC).date() <= expires


def actor_of(fhir_user: str | None, account_id: str) -> str:
    """Name a person, for the audit: the resource of the account, else the account."""
    return fhir_user or f"account:{account_id}"


class Proxied(NamedTuple):
    """A patient for whom somebody may act: logical id, and until when, epoch microseconds."""

    patient: str
    expires: int


def find(database: Database, account_id: str) -> Account | None:
    """Find an account by its id."""
    with database.connection() as connection:
        return one(connection, _FIND, account_id)


def find_named(database: Database, username: str) -> Account | None:
    """Find an account by what is typed to log in, in upper or lower case."""
    with database.connection() as connection:
        return one(connection, _NAMED, compared(username))


def compared(username: str) -> str:
    """Give a username as it is kept; what no username can hold makes it nobody's."""
    return "" if "\0" in username else username.strip().lower()


def named(database: Database, username: str) -> Account:
    """Give the account with a username.

    Raises:
        NotFoundError: there is none.
    """
    account = find_named(database, username)
    if account is None:
        raise NotFoundError(
            "No account has this username; `fhirserver user list` shows those that there are.",
            expression=("username",),
        )
    return account


def page(database: Database, after: str = "", count: int = 100) -> list[Account]:
    """List accounts by username.

    Args:
        database: where they are.
        after: username that the page begins behind; "" for the first page.
        count: accounts at most.
    """
    with database.connection() as connection:
        return [Account(*row) for row in connection.execute(_PAGE, (after, count))]


def proxied(connection: Connection[Any], account_id: str, now_us: int) -> list[Proxied]:
    """Give the patients for whom a proxy may act at an instant, by id."""
    return [Proxied(*row) for row in connection.execute(_PROXIED, (account_id, now_us))]


def keep_proxied(connection: Connection[Any], account_id: str, patients: Sequence[Proxied]) -> None:
    """Keep for whom a proxy may act, instead of those so far."""
    connection.execute(_FORGET_PATIENTS, (account_id,))
    for patient in patients:
        connection.execute(_ADD_PATIENT, (account_id, *patient))


def one(connection: Connection[Any], sql: str, *values: object) -> Account | None:
    """Run a statement that gives ACCOUNT_COLUMNS of one account at most."""
    row: Sequence[Any] | None = connection.execute(sql, values).fetchone()
    return None if row is None else Account(*row)
