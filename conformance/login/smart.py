"""Logs in as a SMART client, and keeps the access token good through a run.

A token is renewed before it expires: after half of its time, or half a minute before its end,
whichever is later. Backend services ask again; a user's session uses its refresh token.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fhirserver_conformance.login.client_file import BACKEND_SERVICES, SmartClient, read_client
from fhirserver_conformance.login.discovery import Endpoints, discover
from fhirserver_conformance.login.login_error import LoginError
from fhirserver_conformance.login.standalone import authorization_code_grant
from fhirserver_conformance.login.token_request import Token, request_token
from fhirserver_conformance.transport import Transport

_MARGIN_S = 30.0


def smart_login(
    path: Path,
    base: str,
    *,
    transport: Transport,
    say: Callable[[str], None],
    clock: Callable[[], float] = time.time,
) -> Callable[[], str | None]:
    """Log in, and give the function that gives the Authorization header's value.

    Args:
        path: of the client's file, see `client_file`.
        base: FHIR base of the server under test.
        transport: reaches the authorization server.
        say: tells the user what to do.
        clock: seconds since 1970.

    Returns:
        A function that any number of threads may call. It raises LoginError where a token that has
        expired cannot be renewed.

    Raises:
        LoginError: no token is to be had.
    """
    client = read_client(path)
    endpoints = discover(base, client, transport)
    if client.flow == BACKEND_SERVICES:
        grant = {"grant_type": "client_credentials", "scope": client.scope}
    else:
        grant = authorization_code_grant(client, endpoints, base, say)
    token = request_token(client, endpoints.token, grant, transport, clock())
    return _Session(client, endpoints, transport, clock, token).authorization


class _Session:
    """A log-in that lasts."""

    def __init__(
        self,
        client: SmartClient,
        endpoints: Endpoints,
        transport: Transport,
        clock: Callable[[], float],
        token: Token,
    ) -> None:
        self._client = client
        self._endpoints = endpoints
        self._transport = transport
        self._clock = clock
        self._token = token
        self._lock = threading.Lock()

    def authorization(self) -> str:
        """Give the header's value, with a new token where the old one is about to expire."""
        with self._lock:
            now = self._clock()
            margin_s = min(_MARGIN_S, self._token.lifetime_s / 2)
            if now >= self._token.expires_at - margin_s:
                self._token = self._renewed(now)
            return f"Bearer {self._token.access}"

    def _renewed(self, now: float) -> Token:
        if self._client.flow == BACKEND_SERVICES:
            grant = {"grant_type": "client_credentials", "scope": self._client.scope}
        elif self._token.refresh is not None:
            grant = {"grant_type": "refresh_token", "refresh_token": self._token.refresh}
        elif now < self._token.expires_at:
            return self._token
        else:
            raise LoginError(
                "the access token has expired and there is no refresh token; "
                "add online_access or offline_access to the client's scope"
            )
        url = self._endpoints.token
        token = request_token(self._client, url, grant, self._transport, now)
        return token if token.refresh is not None else replace(token, refresh=self._token.refresh)
