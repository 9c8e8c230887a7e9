"""What the audit trail is told of accounts: who proved to be whom, and who changed what.

    login         a password was compared        login-code    a code was
    login-again   a fresh proof was              logout        a session was ended by its owner
    account-...   an account was changed: by its owner, an administrator, or a command

The outcome is that of the answer: 200, or the status of the refusal. Attempts at what is shut are
not told, or anybody could fill the trail; those that shut it are. A username that is nobody's is
not told: people type passwords there.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fhirserver.errors import FhirError
from fhirserver.identity.accounts import Account
from fhirserver.store.audit_row import AuditRow, record
from fhirserver.store.database import Database


@dataclass(frozen=True, slots=True)
class Doer:
    """Who does something.

    Attributes:
        actor: reference of the person or "account:" and the account's id; "anonymous" for nobody
            whom we know, "operator" for who runs a command.
        client: the application or command.
        address: network address; "" where there is none.
    """

    actor: str
    client: str
    address: str


OPERATOR = Doer("operator", "fhirserver user", "")


def somebody(account: Account | None, address: str) -> Doer:
    """Give who is at a page."""
    if account is None:
        return Doer("anonymous", "console", address)
    return Doer(account.actor, "console", address)


def ended(grants: int | None) -> dict[str, int]:
    """Say how many grants of applications a change ended; None for one that ends none."""
    return {} if grants is None else {"grants": grants}


@contextmanager
def told(
    database: Database, event: str, doer: Doer, about: Mapping[str, str] | None
) -> Iterator[dict[str, Any]]:
    """Tell the audit trail of what is done inside, and how it ends.

    Gives a dictionary for what is found out inside, e.g. {"grants": 2}: how many grants of
    applications ended with it.

    Args:
        database: where the trail is.
        event: see the table.
        doer: who does it.
        about: whose account it is about, e.g. {"account": "4f"}; None for nobody's.

    Raises:
        UnavailableError: the trail cannot be written; then that is the answer.
    """
    row = AuditRow(event, doer.actor, doer.client, secrets.token_hex(12), doer.address)
    detail: dict[str, Any] = dict(about or {})
    try:
        yield detail
    except FhirError as error:
        with database.connection() as connection:
            record(connection, row, error.status, detail=detail or None)
        raise
    with database.connection() as connection:
        record(connection, row, 200, detail=detail or None)
