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

Mark = Literal["approved", "disabled", "pre_approved"]
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
        disabled: whether it has been shut out, or its owner; its tokens count no longer.
        pre_approved: an administrator has consented for everybody.
        dynamically_registered: it registered itself, and nobody vouches for its name.
        owner: id of the account of who looks after it; None where nobody in particular does.
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
_SHUT_OUT = """
disabled OR EXISTS (SELECT FROM account WHERE account.id = owner AND account.disabled)
"""
_READ = ", ".join(_SHUT_OUT if field.name == "disabled" else field.name for field in fields(Client))
_FIND = f"SELECT {_READ} FROM oauth_client WHERE id = %s"  # noqa: S608 - constants
_LIST = f"SELECT {_READ} FROM oauth_client ORDER BY created, id"  # noqa: S608 - constants
_REPLACE = f"""
UPDATE oauth_client SET {", ".join(f"{field.name} = %({field.name})s" for field in fields(Client))}
WHERE id = %(id)s RETURNING id
"""  # noqa: S608 - constants
_OWNED = f"SELECT {_READ} FROM oauth_client WHERE owner = %s ORDER BY created, id"  # noqa: S608 - constants
_MARK = {
    "approved": "UPDATE oauth_client SET approved = %s WHERE id = %s RETURNING id",
    "disabled": "UPDATE oauth_client SET disabled = %s WHERE id = %s RETURNING id",
    "pre_approved": "UPDATE oauth_client SET pre_approved = %s WHERE id = %s RETURNING id",
}
_REMOVE = "DELETE FROM oauth_client WHERE id = %s RETURNING id"
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
        return read(connection, client_id)


def read(connection: Connection[Any], client_id: str) -> Client | None:
    """Find an application in a transaction; None where none has this id."""
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
    connection.execute(_ADD, {**_values(client), "secrets": list(secrets)})


def list_all(database: Database) -> list[Client]:
    """Give every application, the oldest first."""
    with database.connection() as connection:
        return [_client(row) for row in connection.execute(_LIST)]


def owned_by(connection: Connection[Any], account: str) -> list[Client]:
    """Give the applications that somebody looks after, the oldest first."""
    return [_client(row) for row in connection.execute(_OWNED, (account,))]


def replace_all(connection: Connection[Any], client: Client) -> bool:
    """Change an application to what is given; False where there is none of its id."""
    return connection.execute(_REPLACE, _values(client)).fetchone() is not None


def mark(connection: Connection[Any], client_id: str, mark: Mark, *, holds: bool) -> bool:
    """Say whether something holds of an application; False where there is none."""
    return connection.execute(_MARK[mark], (holds, client_id)).fetchone() is not None


def remove(connection: Connection[Any], client_id: str) -> bool:
    """Forget an application with all its grants and tokens; False where there is none."""
    return connection.execute(_REMOVE, (client_id,)).fetchone() is not None


def _values(client: Client) -> dict[str, Any]:
    values: dict[str, Any] = {field.name: getattr(client, field.name) for field in fields(client)}
    for name in _LISTS:
        values[name] = list(values[name])
    values["jwks"] = None if client.jwks is None else Jsonb(client.jwks)
    return values


def _client(row: tuple[Any, ...]) -> Client:
    values = dict(zip((field.name for field in fields(Client)), row, strict=True))
    return Client(**{**values, **{name: tuple(values[name]) for name in _LISTS}})
