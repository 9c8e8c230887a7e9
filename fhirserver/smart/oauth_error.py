"""Errors of the authorization server, as the RFCs name them.

Spec: RFC 6749 sections 4.1.2.1 and 5.2; OpenID Connect Core section 3.1.2.6; RFC 7591 section 3.2.2

    invalid_request, invalid_scope, access_denied, server_error, unsupported_response_type,
    login_required, consent_required, interaction_required        back to the application's address
    invalid_client (401), invalid_grant, unauthorized_client, unsupported_grant_type   to its server

A description is plain ASCII and quotes nothing secret.
"""

import re
from collections.abc import Sequence

from fhirserver.model.json import JsonObject

_FORBIDDEN = re.compile(r"[^\x20\x21\x23-\x5b\x5d-\x7e]")
_DESCRIPTION_MAX = 500


class OAuthError(Exception):
    """A request that the authorization server refuses.

    Args:
        code: of the RFC, e.g. "invalid_grant".
        description: the rule and the remedy, for whoever develops the application.
        status: of HTTP where it is answered to the application's server.
        headers: that this answer needs.
    """

    def __init__(
        self,
        code: str,
        description: str,
        *,
        status: int = 400,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        super().__init__(code)
        self.code = code
        self.description = _FORBIDDEN.sub("?", description)[:_DESCRIPTION_MAX]
        self.status = status
        self.headers = tuple(headers)

    @property
    def body(self) -> JsonObject:
        """The answer as JSON."""
        return {"error": self.code, "error_description": self.description}


def invalid_request(description: str) -> OAuthError:
    """Give the error of a request that is malformed."""
    return OAuthError("invalid_request", description)


def invalid_grant(description: str) -> OAuthError:
    """Give the error of a code or refresh token that counts for nothing."""
    return OAuthError("invalid_grant", description)


def invalid_client(description: str, *, basic: bool = False) -> OAuthError:
    """Give the error of a client that did not prove who it is.

    Args:
        description: what is wrong.
        basic: whether it tried by Basic, which the answer then asks for again.
    """
    headers = [("WWW-Authenticate", 'Basic realm="oauth"')] if basic else []
    return OAuthError("invalid_client", description, status=401, headers=headers)
