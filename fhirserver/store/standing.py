"""What an access token stands for at this moment, asked by one statement.

The row tells of the token, its grant, its client, the account of who granted it, and whom that
person treats. So whatever is revoked, expired or shut out, and every change of a role or of a
relation, counts from the next request.

    number scopes                            of the token
    client account patient                   of the grant
    fhir_user role training_expires          of the account; null where there is none
    proxied broken_glass                     patients: those that a proxy acts for, and those for
                                             whom the glass is broken; null for none
    related                                  patients that a clinician of a confined role treats;
                                             null for none, and for everybody else

A statement that reads may ask the same by the way: it is told what the row was last, and does
nothing unless the row is so now. That spares the round trip, and nothing rests on what was so last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from fhirserver.definitions import Definitions
from fhirserver.store import binary
from fhirserver.store.care_relation import related_sql
from fhirserver.store.statement import Statement, StoreConnection, run, statement

_STANDING = """
SELECT t.number::text, t.scopes, g.client, g.account, g.patient, a.fhir_user, a.role,
    a.training_expires::text,
    (SELECT json_agg(p.patient ORDER BY p.patient) FROM account_patient p
     WHERE p.account = g.account AND p.expires > :now::bigint) proxied,
    (SELECT json_agg(b.patient ORDER BY b.patient) FROM broken_glass b
     WHERE b.account = g.account AND b.expires > :now::bigint) broken_glass,
    {related} related
FROM oauth_token t
JOIN oauth_grant g ON g.number = t.under
JOIN oauth_client c ON c.id = g.client
LEFT JOIN account a ON a.id = g.account
LEFT JOIN account o ON o.id = c.owner
WHERE t.kind = 'access' AND t.expires > :now::bigint AND g.revoked IS NULL
    AND g.audience = :audience::text AND NOT c.disabled AND a.disabled IS NOT TRUE
    AND o.disabled IS NOT TRUE AND {which}
"""
_RELATED = """
    CASE WHEN a.role = ANY(string_to_array(:confined::text, ' '))
    THEN (SELECT json_agg(tied.id ORDER BY tied.id) FROM ({related}) tied) END"""
_NOBODY = "NULL::json"
_CLINICIANS = ("Practitioner", "PractitionerRole")
_TID = "CASE split_part(a.fhir_user, '/', 1) {cases} END"
_ID = "split_part(a.fhir_user, '/', 2)"
_ASK = "SELECT row_to_json(s)::text FROM ({standing}) s"
_CONFIRM = """SELECT FROM ({standing}) s
    WHERE sha256(convert_to(row_to_json(s)::text, 'UTF8')) = :state::bytea"""
_BY_DIGEST = "t.digest = :digest::bytea"
_BY_NUMBER = "t.number = :number::bigint"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a token has to meet, and from when relations count.

    Attributes:
        audience: FHIR base that is asked.
        now_us: instant of the request, epoch microseconds.
        grace_us: how long a relation of care outlives what made it, microseconds.
        confined: names of the roles that are confined to related patients.
    """

    audience: str
    now_us: int
    grace_us: int
    confined: tuple[str, ...]

    def arguments(self) -> dict[str, bytes | None]:
        """Give the values of the statements' parameters, packed."""
        return {
            "now": binary.int8(self.now_us),
            "since": binary.int8(self.now_us - self.grace_us),
            "audience": self.audience.encode(),
            "confined": " ".join(self.confined).encode(),
        }


@dataclass(slots=True)
class Presumed:
    """That a token stands for what it stood for last, which a statement has yet to confirm.

    Attributes:
        digest: of the token.
        terms: that it has to meet.
        row: as it was last.
        related: whether the row tells of relations of care.
        confirmed: whether a statement has found it so.
    """

    digest: bytes
    terms: Terms
    row: bytes
    related: bool
    confirmed: bool = False

    def arguments(self) -> dict[str, bytes | None]:
        """Give the values of the parameters of `confirming`, packed."""
        state = hashlib.sha256(self.row).digest()
        return {"digest": self.digest, "state": state, **self.terms.arguments()}


def ask(
    connection: StoreConnection, definitions: Definitions, which: bytes | int, terms: Terms
) -> bytes | None:
    """Ask what a token stands for.

    Args:
        connection: in any transaction state.
        definitions: number types and search parameters.
        which: the token's digest, or its public number.
        terms: that it has to meet.

    Returns:
        The row as a JSON object; None for a token that counts for nothing here.
    """
    chosen: Mapping[str, bytes | None] = (
        {"digest": which} if isinstance(which, bytes) else {"number": binary.int8(which)}
    )
    wanted = _asking(definitions, by_number=isinstance(which, int))
    found = run(connection, wanted, {**chosen, **terms.arguments()})
    return found.get_value(0, 0) if found.ntuples else None


@lru_cache(maxsize=8)
def _asking(definitions: Definitions, *, by_number: bool) -> Statement:
    which = _BY_NUMBER if by_number else _BY_DIGEST
    return statement(_ASK.format(standing=_standing(definitions, which, related=True)))


@lru_cache(maxsize=8)
def confirming(definitions: Definitions, *, related: bool) -> str:
    """Write the query that gives a row without columns if what is presumed is so, and else none.

    Args:
        definitions: number types and search parameters.
        related: whether relations of care are part of it. A row without them tells of nobody whose
            role is confined, so it need not look: another role would be another row.
    """
    return _CONFIRM.format(standing=_standing(definitions, _BY_DIGEST, related=related))


def _standing(definitions: Definitions, which: str, *, related: bool) -> str:
    treated = _NOBODY
    if related:
        cases = (f"WHEN '{name}' THEN {definitions.type_id(name)}" for name in _CLINICIANS)
        tid = _TID.format(cases=" ".join(cases)) + "::smallint"
        treated = _RELATED.format(related=related_sql(definitions, tid, _ID))
    return _STANDING.format(related=treated, which=which)
