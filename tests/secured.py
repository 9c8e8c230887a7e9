"""A server with authentication, and access tokens for tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fhirserver.smart import clients, tokens
from fhirserver.smart.clients import Client as Application
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.tokens import IssuedToken
from fhirserver.store.database import Database, now_us
from tests.client import Answer, Client
from tests.server import ServerProcess

APPLICATION = "test-application"


@dataclass(frozen=True)
class Secured:
    """A running server that wants tokens, and its database, where tests put what they need."""

    server: ServerProcess
    database: Database

    @property
    def base(self) -> str:
        """The FHIR base."""
        return self.server.base

    def register(self, application: Application, *secrets: str) -> None:
        """Register an application unless one of its id is there."""
        if clients.find(self.database, application.id) is None:
            with self.database.connection() as connection:
                clients.add(connection, application, tuple(map(tokens.digest, secrets)))

    def issue(
        self,
        scopes: str,
        *,
        patient: str | None = None,
        user: str | None = None,
        role: str | None = None,
        patients: tuple[str, ...] | None = None,
        client: str = APPLICATION,
        lifetime_s: int = 3600,
    ) -> IssuedToken:
        """Issue an access token past every page.

        Args:
            scopes: granted, as they are.
            patient: launch patient's id.
            user: reference of the person, e.g. "Practitioner/7"; None for a client of its own.
            role: of that person.
            patients: ids that the person has a relation with; None where the role is not confined.
            client: registered unless it is there.
            lifetime_s: until it expires.
        """
        self.register(Application(client, client, "public", scopes=scopes))
        grant = TokenGrant(client, self.base, scopes, user, role, patients, patient)
        return tokens.issue(self.database, grant, now_us=now_us(), lifetime_s=lifetime_s)

    @contextmanager
    def caller(self, token: str | None = None) -> Iterator[Caller]:
        """Open a connection that sends a token with every request; None sends none."""
        with self.server.client() as client:
            yield Caller(client, token)


@dataclass(frozen=True)
class Caller:
    """A connection of somebody with a token."""

    client: Client
    token: str | None

    def request(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Send one request; headers as keywords, which win over the token."""
        sent = {} if self.token is None else {"Authorization": f"Bearer {self.token}"}
        sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        return self.client.request(method, path, body, sent)

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.request("GET", path, **headers)
