"""The caller of a page: who is logged in."""

import secrets

from flask import request

from fhirserver.access import AuthContext
from fhirserver.console.signed_in import signed_in


def caller() -> AuthContext:
    """Give who asks for the page that is being answered."""
    session = signed_in()
    actor = "anonymous"
    if session is not None:
        actor = session.account.fhir_user or f"account:{session.account.id}"
    return AuthContext(actor, "console", secrets.token_hex(12), request.remote_addr or "")
