"""From an access token to what its bearer may do, looked up anew for every request.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#access-fhir-api

One statement finds the token, its grant and its client, so that whatever is revoked, expired or
shut out counts from the next request on.
"""

from __future__ import annotations

from dataclasses import dataclass

from fhirserver.access import Rights
from fhirserver.model.json import parse_json
from fhirserver.smart.scopes import resource_scopes
from fhirserver.smart.tokens import digest
from fhirserver.store import binary
from fhirserver.store.database import Database
from fhirserver.store.statement import run, statement

_FIND = statement("""
SELECT t.number::text, t.scopes, g.client, g.fhir_user, g.role, array_to_json(g.patients)::text,
    g.patient
FROM oauth_token t
JOIN oauth_grant g ON g.number = t.under
JOIN oauth_client c ON c.id = g.client
WHERE t.digest = :digest::bytea AND t.kind = 'access' AND t.expires > :now::bigint
    AND g.revoked IS NULL AND g.audience = :audience::text AND NOT c.disabled
""")


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who presents an access token.

    Attributes:
        token: public number of the token.
        client: id of the client it was issued to.
        actor: reference of the person, or the client's id where it acts for itself.
        rights: what it may do.
    """

    token: str
    client: str
    actor: str
    rights: Rights


def find_bearer(database: Database, secret: str, audience: str, now_us: int) -> Bearer | None:
    """Find who an access token was issued to; None for one that counts for nothing here.

    Args:
        database: where tokens are kept.
        secret: as presented.
        audience: FHIR base that is asked.
        now_us: epoch microseconds.

    Raises:
        UnavailableError: the database cannot be asked.
    """
    arguments = {
        "digest": digest(secret),
        "now": binary.int8(now_us),
        "audience": audience.encode(),
    }
    with database.connection() as connection:
        found = run(connection, _FIND, arguments)
    if found.ntuples == 0:
        return None
    values = [found.get_value(0, column) for column in range(found.nfields)]
    token, scopes, client, user, role, patients, patient = (
        None if value is None else value.decode() for value in values
    )
    assert token is not None
    assert client is not None
    rights = Rights(
        scopes=resource_scopes(scopes or ""),
        patient=patient,
        user=user,
        role=role,
        patients=None if patients is None else tuple(parse_json(patients.encode())),
    )
    return Bearer(token, client, user or client, rights)
