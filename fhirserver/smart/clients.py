"""Applications that may ask for access.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#register-app-with-ehr
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Literal

from psycopg import Connection
from psycopg.types.json import Jsonb

from fhirserver.model.json import JsonObject
from fhirserver.store.database import Database

Kind = Literal["public", "confidential-symmetric", "confidential-asymmetric"]


@dataclass(frozen=True, slots=True)
class Client:
    """One application.

    Attributes:
        id: its client_id.
        name: as people see it.
        kind: whether it proves who it is, and how.
        redirect_uris: where answers may be sent, compared as strings.
        launch_url: opened by an EHR launch; None of an application that has none.
        scopes: all it may ask for, separated by spaces.
        grant_types: of RFC 7591, e.g. ("authorization_code", "refresh_token").
        jwks: its public keys; None where they are at `jwks_uri`, or where it has none.
        jwks_uri: where its public keys are.
        origins: whose pages may call the API from a browser, and show ours in a frame.
        approved: whether it may be used.
        disabled: whether it has been shut out; its tokens count no longer.
        pre_approved: an administrator has consented for everybody.
        dynamically_registered: it registered itself, and nobody vouches for its name.
        owner: who looks after it.
        created: epoch microseconds.
    """

    id: str
    name: str
    kind: Kind
    redirect_uris: tuple[str, ...] = ()
    launch_url: str | None = None
    scopes: str = ""
    grant_types: tuple[str, ...] = ("authorization_code", "refresh_token")
    jwks: JsonObject | None = None
    jwks_uri: str | None = None
    origins: tuple[str, ...] = ()
    approved: bool = True
    disabled: bool = False
    pre_approved: bool = False
    dynamically_registered: bool = False
    owner: str | None = None
    created: int = 0


_LISTS = ("redirect_uris", "grant_types", "origins")
_COLUMNS = ", ".join(field.name for field in fields(Client))
_FIND = f"SELECT {_COLUMNS} FROM oauth_client WHERE id = %s"  # noqa: S608 - constants
_SECRETS = "SELECT secrets FROM oauth_client WHERE id = %s"
_ORIGIN = """
SELECT 1 FROM oauth_client WHERE origins @> ARRAY[%s::text] AND approved AND NOT disabled LIMIT 1
"""
_ADD = f"""
INSERT INTO oauth_client ({_COLUMNS}, secrets)
VALUES ({", ".join(f"%({field.name})s" for field in fields(Client))}, %(secrets)s)
"""  # noqa: S608 - constants


def find(database: Database, client_id: str) -> Client | None:
    """Find an application; None where none has this id."""
    with database.connection() as connection:
        row = connection.execute(_FIND, (client_id,)).fetchone()
    return None if row is None else _client(row)


def secrets_of(database: Database, client_id: str) -> tuple[bytes, ...]:
    """Give the SHA-256 of each live secret of an application."""
    with database.connection() as connection:
        row = connection.execute(_SECRETS, (client_id,)).fetchone()
    return () if row is None else tuple(row[0])


def has_origin(database: Database, origin: str) -> bool:
    """Whether pages of an origin belong to an application that may be used."""
    with database.connection() as connection:
        return connection.execute(_ORIGIN, (origin,)).fetchone() is not None


def add(connection: Connection[Any], client: Client, secrets: tuple[bytes, ...] = ()) -> None:
    """Register an application.

    Args:
        connection: in any transaction state.
        client: all about it; `created` given.
        secrets: SHA-256 of each of its live secrets, at most two.

    Raises:
        psycopg.errors.UniqueViolation: the id is taken.
    """
    values: dict[str, Any] = {field.name: getattr(client, field.name) for field in fields(client)}
    for name in _LISTS:
        values[name] = list(values[name])
    values["jwks"] = None if client.jwks is None else Jsonb(client.jwks)
    connection.execute(_ADD, {**values, "secrets": list(secrets)})


def _client(row: tuple[Any, ...]) -> Client:
    values = dict(zip((field.name for field in fields(Client)), row, strict=True))
    return Client(**{**values, **{name: tuple(values[name]) for name in _LISTS}})
