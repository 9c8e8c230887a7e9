"""The caller of a request to a server with authentication: who presents an access token.

Spec: RFC 6750 section 2.1 and 3; https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html

    Authorization: Bearer 7Fjfp0ZBr1KtDRbnfVdmIw

Nothing else is taken: no token in the URL, where logs keep it, and no second header.
The CapabilityStatement, the documents below .well-known, and OPTIONS need none.
"""

import re

from fhirserver.access import TEST_RUN_HEADER, AuthContext
from fhirserver.errors import FhirError, InvalidRequestError, UnauthorizedError
from fhirserver.http.query import parse_query
from fhirserver.http.request import Request
from fhirserver.interactions import Services
from fhirserver.smart.authenticate import Bearer, Remembered
from fhirserver.store.standing import Presumed

_BEARER = re.compile(r"Bearer +([A-Za-z0-9\-._~+/]+=*)", re.ASCII | re.IGNORECASE)
_IN_URL = "access_token"


def anonymous(request: Request) -> AuthContext:
    """The caller of an open server."""
    marked = _is_of_test_run(request)
    return AuthContext("anonymous", "", request.request_id, request.address, of_test_run=marked)


class BearerAuthentication:
    """Finds the caller by the access token.

    Args:
        services: where tokens are kept, and the base that they must be good for.
    """

    def __init__(self, services: Services) -> None:
        self._bearers = Remembered(services.database, services.settings.public_url)
        self._now = services.now

    def __call__(self, request: Request) -> AuthContext:
        """Give the caller.

        Raises:
            UnauthorizedError: no token, or one that does not count here.
            InvalidRequestError: a token in the URL.
        """
        if _IN_URL in request.query:
            _refuse_in_url(request.query)
        header = request.headers.get("authorization")
        if request.method == "OPTIONS" or is_public(request.path):
            return anonymous(request)
        if header is None:
            raise _unauthorized("This server wants an access token in Authorization", "")
        match = _BEARER.fullmatch(header)
        found = match and self._bearers.find(match[1], self._now())
        if not found:
            raise _unauthorized(
                "The access token is wrong, has expired or was revoked, or is not for this server",
                "invalid_token",
            )
        return _caller(request, found)

    def presume(self, request: Request) -> tuple[AuthContext, Presumed] | None:
        """Guess the caller, where a statement is to confirm it; None where that takes a look."""
        match = _BEARER.fullmatch(request.headers.get("authorization") or "")
        if match is None or _IN_URL in request.query:
            return None
        guess = self._bearers.presume(match[1], self._now())
        return guess and (_caller(request, guess[0]), guess[1])


def _caller(request: Request, bearer: Bearer) -> AuthContext:
    return AuthContext(
        bearer.actor,
        bearer.client,
        request.request_id,
        request.address,
        of_test_run=_is_of_test_run(request),
        rights=bearer.rights,
        token=bearer.token,
    )


def _is_of_test_run(request: Request) -> bool:
    return request.headers.get(TEST_RUN_HEADER.lower()) is not None


def is_public(path: str) -> bool:
    """Whether a place is for everybody: what tells how to get a token."""
    return path == "/metadata" or path.startswith("/.well-known/")


def _refuse_in_url(query: str) -> None:
    if any(name == _IN_URL for name, _ in parse_query(query)):
        raise InvalidRequestError(
            "A token in the URL is kept by logs and histories and is never taken; send it in the "
            "Authorization header and have this one revoked.",
            expression=("http.access_token",),
        )


def _unauthorized(diagnostics: str, error: str) -> FhirError:
    challenge = 'Bearer realm="fhir"' + (f', error="{error}"' if error else "")
    return UnauthorizedError(
        f"{diagnostics}; how to get one is in .well-known/smart-configuration.",
        headers=(("WWW-Authenticate", challenge),),
    )
