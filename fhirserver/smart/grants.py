"""What a client was granted: by whom, for what, in which context. All its tokens are under it.

Revoking a grant ends every token under it at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from fhirserver.model.json import JsonObject

_ADD = """
INSERT INTO oauth_grant
    (client, audience, scopes, fhir_user, role, patients, patient, context, granted, used)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING number
"""
_REVOKE = "UPDATE oauth_grant SET revoked = %s WHERE number = %s AND revoked IS NULL"


@dataclass(frozen=True, slots=True)
class TokenGrant:
    """What tokens are issued for.

    Attributes:
        client: id of the client.
        audience: FHIR base that the tokens are good for.
        scopes: granted, separated by spaces.
        fhir_user: reference of who granted it, e.g. "Practitioner/7"; None for a client of its own.
        role: of that person.
        patients: logical ids of the patients that this person has a relation with; None where the
            role is not confined.
        patient: logical id of the patient in context.
        context: what the token response says besides, e.g. {"encounter": "12"}.
    """

    client: str
    audience: str
    scopes: str
    fhir_user: str | None = None
    role: str | None = None
    patients: tuple[str, ...] | None = None
    patient: str | None = None
    context: JsonObject = field(default_factory=dict)


def add(connection: Connection[Any], grant: TokenGrant, now_us: int) -> int:
    """Keep a grant and give its number."""
    patients = None if grant.patients is None else list(grant.patients)
    row = connection.execute(
        _ADD,
        (
            grant.client,
            grant.audience,
            grant.scopes,
            grant.fhir_user,
            grant.role,
            patients,
            grant.patient,
            Jsonb(grant.context),
            now_us,
            now_us,
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def revoke(connection: Connection[Any], number: int, now_us: int) -> None:
    """End a grant and with it every token under it; one that has ended stays ended."""
    connection.execute(_REVOKE, (now_us, number))
