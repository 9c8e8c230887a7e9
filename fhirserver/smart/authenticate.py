"""From an access token to what its bearer may do, looked up anew for every request.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#access-fhir-api

One statement finds the token, its grant, its client and the account of who granted it, so that
whatever is revoked, expired or shut out, and every change of a role, counts from the next request.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from fhirserver.access import Rights
from fhirserver.access.scope_text import granted_scopes
from fhirserver.definitions import Definitions
from fhirserver.identity.accounts import actor_of, is_trained
from fhirserver.model.json import parse_json
from fhirserver.smart.relations import patients_in_reach
from fhirserver.smart.tokens import digest
from fhirserver.store import binary
from fhirserver.store.database import Database
from fhirserver.store.statement import Statement, StoreConnection, run, statement

_COUNTING = """
SELECT t.number::text, t.scopes, g.client, g.patient, a.fhir_user, a.role,
    a.training_expires::text, g.account,
    (SELECT json_agg(p.patient ORDER BY p.patient)::text FROM account_patient p
     WHERE p.account = g.account AND p.expires > :now::bigint),
    (SELECT json_agg(b.patient)::text FROM broken_glass b
     WHERE b.account = g.account AND b.expires > :now::bigint)
FROM oauth_token t
JOIN oauth_grant g ON g.number = t.under
JOIN oauth_client c ON c.id = g.client
LEFT JOIN account a ON a.id = g.account
LEFT JOIN account o ON o.id = c.owner
WHERE t.kind = 'access' AND t.expires > :valid::bigint AND g.revoked IS NULL
    AND g.audience = :audience::text AND NOT c.disabled AND a.disabled IS NOT TRUE
    AND o.disabled IS NOT TRUE
"""
_BY_DIGEST = statement(f"{_COUNTING} AND t.digest = :digest::bytea")
_BY_NUMBER = statement(f"{_COUNTING} AND t.number = :number::bigint")


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who presents an access token.

    Attributes:
        token: public number of the token.
        scopes: of the token, as text.
        client: id of the client it was issued to.
        account: id of the person's account; None where the client acts for itself.
        rights: what it may do.
    """

    token: str
    scopes: str
    client: str
    account: str | None
    rights: Rights

    @property
    def actor(self) -> str:
        """Name who acts: a resource, an account, or the client."""
        return actor_of(self.rights.user, self.account) if self.account else self.client


def find_bearer(
    database: Database, definitions: Definitions, secret: str, audience: str, now_us: int
) -> Bearer | None:
    """Find who an access token was issued to; None for one that counts for nothing here.

    Args:
        database: where tokens are kept.
        definitions: say what scopes mean.
        secret: as presented.
        audience: FHIR base that is asked.
        now_us: epoch microseconds.

    Raises:
        UnavailableError: the database cannot be asked.
    """
    with database.connection() as connection:
        arguments = {"digest": digest(secret), **_counting(audience, now_us)}
        return _bearer(connection, definitions, _BY_DIGEST, arguments, now_us)


def find_numbered(
    database: Database,
    definitions: Definitions,
    number: int,
    audience: str,
    now_us: int,
    *,
    even_expired: bool = False,
) -> Bearer | None:
    """Find who an access token was issued to by its public number; as `find_bearer` otherwise.

    Args:
        database: see `find_bearer`, as for the others.
        definitions: say what scopes mean.
        number: of the token.
        audience: FHIR base that is asked.
        now_us: epoch microseconds.
        even_expired: whether one counts that is over by its own end alone.
    """
    valid = binary.int8(0 if even_expired else now_us)
    with database.connection() as connection:
        counting = _counting(audience, now_us) | {"valid": valid}
        arguments = {"number": binary.int8(number), **counting}
        return _bearer(connection, definitions, _BY_NUMBER, arguments, now_us)


def _counting(audience: str, now_us: int) -> dict[str, bytes | None]:
    """Give what decides whether a token counts."""
    now = binary.int8(now_us)
    return {"now": now, "valid": now, "audience": audience.encode()}


def _bearer(
    connection: StoreConnection,
    definitions: Definitions,
    which: Statement,
    arguments: Mapping[str, bytes | None],
    now_us: int,
) -> Bearer | None:
    found = run(connection, which, arguments)
    if found.ntuples == 0:
        return None
    values = [found.get_value(0, column) for column in range(found.nfields)]
    number, scopes, client, patient, user, role, training, account, proxied, broken = (
        None if value is None else value.decode() for value in values
    )
    listed = () if proxied is None else tuple(parse_json(proxied.encode()))
    related = patients_in_reach(connection, definitions, user, role, listed, now_us)
    assert number is not None
    assert client is not None
    assert scopes is not None
    rights = Rights(
        scopes=granted_scopes(scopes, definitions),
        patient=patient,
        user=user,
        role=role,
        patients=related,
        broken_glass=() if broken is None else tuple(parse_json(broken.encode())),
        reads_user={"openid", "fhirUser"} <= set(scopes.split()),
        trained=is_trained(None if training is None else date.fromisoformat(training), now_us),
    )
    return Bearer(number, scopes, client, account, rights)
