"""What administrators and commands change of an account; all of it counts from the next request.

What takes from an account what it proved or was ends its sessions, and what applications hold in
its name: these functions give how many grants that were.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from psycopg import Connection

from fhirserver.identity import app_access, attempts, passwords, second_factor, sessions
from fhirserver.identity.accounts import Account, Proxied, keep_proxied
from fhirserver.identity.new_account import check_patients, check_role
from fhirserver.store.database import Database, now_us

_DISABLE = "UPDATE account SET disabled = %s WHERE id = %s"
_PASSWORD = "UPDATE account SET password = %s, must_change = %s WHERE id = %s"  # noqa: S105 - SQL
_ROLE = "UPDATE account SET role = %s, fhir_user = %s WHERE id = %s"
_TRAINING = "UPDATE account SET training_expires = %s WHERE id = %s"


def disable(database: Database, account: Account) -> int:
    """Shut an account out; enabled again, it begins anew."""
    with database.connection() as connection, connection.transaction():
        connection.execute(_DISABLE, (True, account.id))
        return _end(connection, account)


def enable(database: Database, account: Account) -> None:
    """Let an account in again that was disabled."""
    with database.connection() as connection:
        connection.execute(_DISABLE, (False, account.id))


def unlock(database: Database, account: Account) -> None:
    """Open an account that is shut after failed attempts."""
    with database.connection() as connection:
        attempts.forget(connection, account.username)


def set_password(database: Database, account: Account, password: str, *, must_change: bool) -> int:
    """Give an account another password, and open it where it was shut.

    Raises:
        InvalidRequestError: this password is not taken.
    """
    passwords.check_password(password, (account.username, account.name, account.role))
    hashed = passwords.hash_password(password)
    with database.connection() as connection, connection.transaction():
        connection.execute(_PASSWORD, (hashed, must_change, account.id))
        attempts.forget(connection, account.username)
        return _end(connection, account)


def reset_second_factor(database: Database, account: Account) -> int:
    """Let the password alone count until an application is enrolled anew."""
    with database.connection() as connection, connection.transaction():
        second_factor.drop(connection, account.id)
        return _end(connection, account)


def set_role(database: Database, account: Account, role: str, fhir_user: str | None) -> int:
    """Give somebody another role; who is no proxy any more acts for nobody.

    Raises:
        InvalidRequestError: no such role, or the reference does not fit it.
    """
    check_role(role, fhir_user)
    with database.connection() as connection, connection.transaction():
        connection.execute(_ROLE, (role, fhir_user, account.id))
        if role != "proxy":
            keep_proxied(connection, account.id, ())
        return _end(connection, account)


def set_training(database: Database, account: Account, expires: date | None) -> None:
    """Say until which day the training counts; None where none is asked for."""
    with database.connection() as connection:
        connection.execute(_TRAINING, (expires, account.id))


def set_patients(database: Database, account: Account, patients: list[Proxied]) -> None:
    """Say for whom a proxy may act, instead of those so far.

    Raises:
        InvalidRequestError: not a proxy, or no logical id.
    """
    check_patients(account.role, patients)
    with database.connection() as connection, connection.transaction():
        keep_proxied(connection, account.id, patients)


def _end(connection: Connection[Any], account: Account) -> int:
    sessions.end_all(connection, account.id)
    return app_access.end_all(connection, account.id, now_us())
