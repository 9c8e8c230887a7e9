"""The caller of a page; nobody is authenticated yet."""

import secrets

from flask import request

from fhirserver.access import AuthContext


def caller() -> AuthContext:
    """Give who asks for the page that is being answered."""
    return AuthContext("anonymous", "console", secrets.token_hex(12), request.remote_addr or "")
