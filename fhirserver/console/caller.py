"""The caller of a page: who is logged in, with all that the person's role may do.

What pages look up and do goes through the same decision as a request with an access token: the
rights are those of a token with `user/*.cruds`, so the role and its relations are the bound. On an
open server nobody has or needs rights; on any other, whoever is not logged in has none.
"""

import secrets
from typing import cast

from flask import g, request

from fhirserver.access import AuthContext, granted_scopes
from fhirserver.console.signed_in import services_here, signed_in
from fhirserver.identity.accounts import Account
from fhirserver.smart.person import as_caller

CLIENT = "console"
_SCOPES = "user/*.cruds"


def caller() -> AuthContext:
    """Give who asks for the page that is being answered; the same each time."""
    if "caller" not in g:
        session = signed_in()
        g.caller = _nobody() if session is None else _of(session.account)
    return cast("AuthContext", g.caller)


def _nobody() -> AuthContext:
    return AuthContext("anonymous", CLIENT, secrets.token_hex(12), request.remote_addr or "")


def _of(account: Account) -> AuthContext:
    services = services_here()
    return as_caller(
        services,
        account,
        CLIENT,
        scopes=granted_scopes(_SCOPES, services.definitions),
        request_id=secrets.token_hex(12),
        address=request.remote_addr or "",
    )
