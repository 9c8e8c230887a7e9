"""Requests for authorization that are under way, from the redirect to us to the redirect back.

A request is kept under a random id, which is in the address of its pages. The first session that
opens one of them has it; no other gets further with it. It ends with its answer, which is given
once.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

from psycopg import Connection
from psycopg.types.json import Jsonb

from fhirserver.model.json import JsonObject
from fhirserver.smart.authorize_request import AuthorizeRequest

LIFETIME_S = 15 * 60

_ADD = """
INSERT INTO oauth_authorization (id, client, request, begun, expires) VALUES (%s, %s, %s, %s, %s)
"""
_FIND = """
SELECT id, client, request, session, patient, context, launched, begun FROM oauth_authorization
WHERE id = %s AND expires > %s
"""
_BIND = """
UPDATE oauth_authorization SET session = %(session)s
WHERE id = %(id)s AND (session IS NULL OR session = %(session)s) RETURNING id
"""
_LAUNCH = """
WITH taken AS (
    DELETE FROM oauth_launch l USING oauth_authorization o
    WHERE o.id = %(id)s AND o.session = %(session)s AND NOT o.launched
        AND l.digest = %(digest)s AND l.client = o.client AND l.account = %(account)s
        AND l.audience = %(audience)s AND l.expires > %(now)s
    RETURNING l.patient, l.context)
UPDATE oauth_authorization o SET launched = true, patient = t.patient, context = t.context
FROM taken t WHERE o.id = %(id)s RETURNING o.id
"""
_PATIENT = """
UPDATE oauth_authorization SET patient = %s, context = context - 'encounter'
WHERE id = %s AND session = %s AND NOT (launched AND patient IS NOT NULL)
"""
_ENCOUNTER = """
UPDATE oauth_authorization SET context = context || jsonb_build_object('encounter', %s::text)
WHERE id = %s AND session = %s AND patient IS NOT DISTINCT FROM %s
    AND NOT (launched AND context ? 'encounter')
"""
_TAKE = """
DELETE FROM oauth_authorization WHERE id = %s AND (session IS NULL OR session = %s) RETURNING id
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A request that is under way.

    Attributes:
        id: in the address of its pages.
        client: id of the client that asks.
        request: what it asks for.
        session: public number of the session that has it; None before.
        patient: logical id of the patient in context; None as long as there is none.
        context: what the token response will say besides.
        launched: whether the context is that of an EHR launch.
        begun: epoch microseconds.
    """

    id: str
    client: str
    request: AuthorizeRequest
    session: str | None
    patient: str | None
    context: JsonObject
    launched: bool
    begun: int


def begin(connection: Connection[Any], client: str, request: AuthorizeRequest, now_us: int) -> str:
    """Keep a request and give its id."""
    id_ = secrets.token_urlsafe(24)
    expires_us = now_us + LIFETIME_S * 1_000_000
    connection.execute(_ADD, (id_, client, Jsonb(request.as_json()), now_us, expires_us))
    return id_


def find(connection: Connection[Any], id_: str, now_us: int) -> Pending | None:
    """Find a request; None for one that was answered or is too old."""
    row = connection.execute(_FIND, (id_, now_us)).fetchone()
    if row is None:
        return None
    id_, client, request, *rest = row
    return Pending(id_, client, AuthorizeRequest.from_json(request), *rest)


def bind(connection: Connection[Any], id_: str, session: str) -> bool:
    """Give a request to a session; False where another has it."""
    return connection.execute(_BIND, {"id": id_, "session": session}).fetchone() is not None


@dataclass(frozen=True, slots=True)
class Launched:
    """Who comes with the handle of an EHR launch.

    Attributes:
        digest: SHA-256 of the handle.
        session: public number of the session.
        account: id of its account.
        audience: this FHIR base.
    """

    digest: bytes
    session: str
    account: str
    audience: str


def launch(connection: Connection[Any], id_: str, by: Launched, now_us: int) -> bool:
    """Use the handle of a launch up and take its context; False where it is not for this request.

    It must have been made for this client, account and base, not long ago, and not been used.
    """
    values = {
        "id": id_,
        "digest": by.digest,
        "session": by.session,
        "account": by.account,
        "audience": by.audience,
        "now": now_us,
    }
    return connection.execute(_LAUNCH, values).fetchone() is not None


def note_patient(connection: Connection[Any], pending: Pending, patient: str) -> None:
    """Keep the patient that was chosen, and no encounter: it would be somebody else's.

    That of an EHR launch stays.
    """
    connection.execute(_PATIENT, (patient, pending.id, pending.session))


def note_encounter(connection: Connection[Any], pending: Pending, encounter: str | None) -> None:
    """Keep the encounter that was chosen, None for none, unless it is another patient by now.

    That of an EHR launch stays.
    """
    values = (encounter, pending.id, pending.session, pending.patient)
    connection.execute(_ENCOUNTER, values)


def take(connection: Connection[Any], pending: Pending) -> bool:
    """End a request that is about to be answered; False where it has been answered."""
    return connection.execute(_TAKE, (pending.id, pending.session)).fetchone() is not None
