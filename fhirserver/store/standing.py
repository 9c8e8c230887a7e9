"""What an access token stands for at this moment, asked by one statement.

The row tells of the token, its grant, its client, and the account of who granted it; beside it
stand the patients whom that person treats. So whatever is revoked, expired or shut out, and every
change of a role or of a relation, counts from the next request.

    number scopes                            of the token
    client account patient                   of the grant
    fhir_user role training_expires          of the account; null where there is none
    proxied broken_glass                     patients: those that a proxy acts for, and those for
                                             whom the glass is broken; null for none

A statement that reads may ask the same by the way: it is told what the row was last, and does
nothing unless the row is so now. That spares a round trip, and nothing rests on what was so before.
Whom a person treats takes longer to list than to read a resource; so it is asked only of the
patients in whose compartments that resource lies.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from fhirserver.definitions import Definitions
from fhirserver.search.contained_people import PEOPLE
from fhirserver.search.scope import member_parameters
from fhirserver.store import binary
from fhirserver.store.care_relation import related_sql
from fhirserver.store.statement import Statement, StoreConnection, run, statement

_STANDING = """
SELECT t.number::text, t.scopes, g.client, g.account, g.patient, a.fhir_user, a.role,
    a.training_expires::text,
    (SELECT json_agg(p.patient ORDER BY p.patient) FROM account_patient p
     WHERE p.account = g.account AND p.expires > :now::bigint) proxied,
    (SELECT json_agg(b.patient ORDER BY b.patient) FROM broken_glass b
     WHERE b.account = g.account AND b.expires > :now::bigint) broken_glass
FROM oauth_token t
JOIN oauth_grant g ON g.number = t.under
JOIN oauth_client c ON c.id = g.client
LEFT JOIN account a ON a.id = g.account
LEFT JOIN account o ON o.id = c.owner
WHERE t.kind = 'access' AND t.expires > :valid::bigint AND g.revoked IS NULL
    AND g.audience = :audience::text AND NOT c.disabled AND a.disabled IS NOT TRUE
    AND o.disabled IS NOT TRUE AND {which}
"""
_BY_DIGEST = "t.digest = :digest::bytea"
_BY_NUMBER = "t.number = :number::bigint"
_ASK = """
SELECT row_to_json(s)::text,
    CASE WHEN s.role = ANY(string_to_array(:confined::text, ' '))
    THEN (SELECT json_agg(tied.id ORDER BY tied.id) FROM ({related}) tied)::text END
FROM ({standing}) s
"""
_CLINICIANS = ("Practitioner", "PractitionerRole")
_TID = "(CASE split_part(s.fhir_user, '/', 1) {cases} END)::smallint"
_ID = "split_part(s.fhir_user, '/', 2)"
CONFIRMING = f"""SELECT FROM ({_STANDING.format(which=_BY_DIGEST)}) s
    WHERE sha256(convert_to(row_to_json(s)::text, 'UTF8')) = :state::bytea"""
"""Query that gives a row without columns if what is presumed is so, and none otherwise."""
_OWNERS = """SELECT r.pat AS rid
        UNION ALL
        SELECT m.pat FROM ref m
        WHERE m.sp = ANY('{{{sps}}}') AND m.target = r.pat AND m.pat < r.pat AND m.rid = r.rid
        UNION ALL
        SELECT m.pat FROM ref m
        WHERE m.sp = ANY('{{{sps}}}') AND m.target = r.pat AND m.pat > r.pat AND m.rid = r.rid"""
"""A patient in whose compartment `r` lies, and all others: the copies of its index rows for those
refer to that one too. What lies in none, or in too many for copies, gives what is no patient."""
_BEYOND = """(EXISTS (SELECT FROM compartment c WHERE c.rid = r.rid)
    OR EXISTS (SELECT FROM contained k
        WHERE k.pat = r.pat AND k.tid = ANY('{{{people}}}') AND k.container = r.rid))"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a token has to meet, and from when relations count.

    Attributes:
        audience: FHIR base that is asked.
        now_us: instant of the request, epoch microseconds.
        grace_us: how long a relation of care outlives what made it, microseconds.
        confined: names of the roles that are confined to related patients.
        even_expired: whether a token counts that is over by its own end alone.
    """

    audience: str
    now_us: int
    grace_us: int
    confined: tuple[str, ...]
    even_expired: bool = False

    def arguments(self) -> dict[str, bytes | None]:
        """Give the values of the statements' parameters, packed."""
        return {
            "now": binary.int8(self.now_us),
            "valid": binary.int8(0 if self.even_expired else self.now_us),
            "since": binary.int8(self.now_us - self.grace_us),
            "audience": self.audience.encode(),
            "confined": " ".join(self.confined).encode(),
        }


class Standing(NamedTuple):
    """What a token stands for.

    Attributes:
        row: a JSON object of the names above.
        related: JSON array of the ids of patients whom a clinician of a confined role treats; None
            for none, and for everybody else.
    """

    row: bytes
    related: bytes | None


@dataclass(slots=True)
class Presumed:
    """That a token stands for what it stood for last, which a statement has yet to confirm.

    Attributes:
        digest: of the token.
        terms: that it has to meet.
        row: as it was last.
        clinician: type and id of who is confined to those whom it treats; None for others.
        treated: logical ids of those, as they were last.
        of_all: whether all patients treated now are in reach, whoever they are, and no others.
        confirmed: whether a statement has found it so.
    """

    digest: bytes
    terms: Terms
    row: bytes
    clinician: tuple[str, str] | None
    treated: tuple[str, ...]
    of_all: bool = False
    confirmed: bool = False

    def arguments(self, definitions: Definitions) -> dict[str, bytes | None]:
        """Give the values of the parameters of `CONFIRMING` and `treating`, packed."""
        state = hashlib.sha256(self.row).digest()
        found = {"digest": self.digest, "state": state, **self.terms.arguments()}
        if self.clinician is not None:
            type_, id_ = self.clinician
            found["clinician_tid"] = binary.int2(definitions.type_id(type_))
            found["clinician"] = id_.encode()
        return found


def ask(
    connection: StoreConnection, definitions: Definitions, which: bytes | int, terms: Terms
) -> Standing | None:
    """Ask what a token stands for.

    Args:
        connection: in any transaction state.
        definitions: number types and search parameters.
        which: the token's digest, or its public number.
        terms: that it has to meet.

    Returns:
        None for a token that counts for nothing here.
    """
    chosen: Mapping[str, bytes | None] = (
        {"digest": which} if isinstance(which, bytes) else {"number": binary.int8(which)}
    )
    wanted = _asking(definitions, by_number=isinstance(which, int))
    found = run(connection, wanted, {**chosen, **terms.arguments()})
    row = found.get_value(0, 0) if found.ntuples else None
    return None if row is None else Standing(row, found.get_value(0, 1))


@lru_cache(maxsize=8)
def _asking(definitions: Definitions, *, by_number: bool) -> Statement:
    cases = (f"WHEN '{name}' THEN {definitions.type_id(name)}" for name in _CLINICIANS)
    related = related_sql(definitions, _TID.format(cases=" ".join(cases)), _ID)
    standing = _STANDING.format(which=_BY_NUMBER if by_number else _BY_DIGEST)
    return statement(_ASK.format(related=related, standing=standing))


def beyond(definitions: Definitions) -> str:
    """Write the test that more decides on `r` than whether all whom it is about are treated.

    It lies in too many compartments for copies, or contains a person.
    """
    people = (str(definitions.type_id(each)) for each in PEOPLE)
    return _BEYOND.format(people=",".join(people))


def treating(definitions: Definitions, type: str) -> str:
    """Write the test that the presumed clinician treats whomever `r` is about, all of them.

    Args:
        definitions: number types and search parameters.
        type: of the row `r` of `resource`, one that may lie in compartments.
    """
    owners = "SELECT r.rid"
    if type != "Patient":
        sps = member_parameters("Patient", (type,), definitions)
        owners = _OWNERS.format(sps=",".join(map(str, sps)))
    related = related_sql(definitions, ":clinician_tid::smallint", ":clinician::text", "owner.rid")
    return f"NOT EXISTS (SELECT FROM ({owners}) owner WHERE NOT EXISTS ({related}) OFFSET 0)"
