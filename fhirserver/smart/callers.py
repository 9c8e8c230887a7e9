"""Whom an access would be decided for: somebody with an account, or the bearer of a token.

account:USERNAME   as far as the role goes, with scopes for everything
token:NUMBER       a token as it counts now; its number is in the audit, never its secret
work:NUMBER        the same, expired or not, for work that goes on after its request
"""

from __future__ import annotations

from fhirserver.access import AuthContext, granted_scopes
from fhirserver.identity import accounts
from fhirserver.interactions import Services
from fhirserver.smart.authenticate import find_numbered
from fhirserver.smart.person import as_caller

_WIDEST = "user/*.cruds"
_DIGITS_MAX = 18
"""Of a bigint that is never too large."""


def find_caller(services: Services, who: str) -> AuthContext | None:
    """Find who an account or a token stands for; None for nobody that counts.

    Args:
        services: where both are kept, and the clock.
        who: see above.

    Raises:
        UnavailableError: the database cannot be asked.
    """
    kind, _, name = who.partition(":")
    if kind == "account":
        return _of_account(services, name)
    if kind in ("token", "work") and name.isascii() and name.isdigit() and len(name) <= _DIGITS_MAX:
        return _of_token(services, int(name), even_expired=kind == "work")
    return None


def _of_account(services: Services, username: str) -> AuthContext | None:
    account = accounts.find_named(services.database, username)
    if account is None or account.disabled:
        return None
    scopes = granted_scopes(_WIDEST, services.definitions)
    return as_caller(services, account, "", scopes=scopes, request_id="", address="")


def _of_token(services: Services, number: int, *, even_expired: bool) -> AuthContext | None:
    database, base = services.database, services.settings.public_url
    now_us = services.now()
    found = find_numbered(
        database, database.definitions, number, base, now_us, even_expired=even_expired
    )
    if found is None:
        return None
    return AuthContext(found.actor, found.client, "", rights=found.rights, token=found.token)
