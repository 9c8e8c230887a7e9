"""A server with authentication: people, applications and tokens for tests, past every page."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fhirserver.identity import sessions
from fhirserver.identity.sessions import SessionLimits, Whence
from fhirserver.smart import clients, tokens
from fhirserver.smart.clients import Client as Application
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.tokens import IssuedToken
from fhirserver.store.database import Database, now_us
from tests.client import Answer, Client
from tests.server import ServerProcess

APPLICATION = "test-application"
_ACCOUNT = """
INSERT INTO account (id, username, name, role, fhir_user, created, password, must_change)
VALUES (%s, %s, %s, %s, %s, %s, '', false)
ON CONFLICT (id) DO NOTHING
"""
_RELATION = """
INSERT INTO account_patient (account, patient, expires) VALUES (%s, %s, 9000000000000000)
ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True)
class Secured:
    """A running server that wants tokens, and its database, where tests put what they need."""

    server: ServerProcess
    database: Database

    @property
    def base(self) -> str:
        """The FHIR base."""
        return self.server.base

    @property
    def root(self) -> str:
        """The server's root."""
        return self.base.removesuffix("/fhir")

    def register(self, application: Application, *secrets: str) -> None:
        """Register an application unless one of its id is there."""
        if clients.find(self.database, application.id) is None:
            with self.database.connection() as connection:
                clients.add(connection, application, tuple(map(tokens.digest, secrets)))

    def account(
        self, role: str, user: str | None = None, patients: tuple[str, ...] | None = None
    ) -> str:
        """Give the id of an account of this kind; made unless it is there.

        Args:
            role: its role.
            user: reference of the person, e.g. "Practitioner/7".
            patients: ids that the account lists as its own relations.
        """
        described = repr((role, user, patients))
        id_ = hashlib.sha256(described.encode()).hexdigest()[:24]
        with self.database.connection() as connection:
            connection.execute(_ACCOUNT, (id_, f"u{id_}", f"A {role}", role, user, now_us()))
            for patient in patients or ():
                connection.execute(_RELATION, (id_, patient))
        return id_

    def log_in(self, account: str, *, amr: tuple[str, ...] = ("pwd",)) -> str:
        """Begin a session and give the value of its cookie."""
        with self.database.connection() as connection:
            whence, limits = Whence("", "", ""), SessionLimits()
            return sessions.begin(
                connection, account, "complete", amr, whence, limits, now=now_us()
            )

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
        """Issue an access token.

        Args:
            scopes: granted, as they are.
            patient: launch patient's id.
            user: reference of the person, e.g. "Practitioner/7".
            role: of that person; None for a client of its own.
            patients: ids that the person has a relation with.
            client: registered unless it is there.
            lifetime_s: until it expires.
        """
        self.register(Application(client, client, "public", scopes=scopes))
        account = None if role is None else self.account(role, user, patients)
        grant = TokenGrant(client, self.base, scopes, account, None, patient)
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
