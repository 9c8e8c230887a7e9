"""The way from a request for authorization to its answer, step by step.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-authorization-code;
OpenID Connect Core section 3.1.2.3

    log-in ─> launch ─> patient ─> encounter ─> consent ─> done
      "again" where the login is too long ago for this request
      launch: the handle of an EHR launch becomes context; else the person picks

Each step is decided anew from what is kept, so the pages may come in any order, or twice. With
prompt=none nobody is asked anything, and the application hears what would have been asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlencode

from psycopg import Connection

from fhirserver.identity import sessions
from fhirserver.identity.sessions import Session
from fhirserver.model.json import JsonObject
from fhirserver.smart import authorizations, codes, grants
from fhirserver.smart.authorizations import Pending
from fhirserver.smart.codes import Code
from fhirserver.smart.grants import TokenGrant
from fhirserver.smart.id_token import login_of
from fhirserver.smart.oauth_error import OAuthError
from fhirserver.smart.offer import Offer

Step = Literal["log-in", "again", "launch", "patient", "encounter", "consent", "done"]

_SILENT: Mapping[Step, tuple[str, str]] = {
    "log-in": ("login_required", "nobody is logged in"),
    "again": ("login_required", "the login is too long ago"),
    "patient": ("interaction_required", "a patient has to be chosen"),
    "encounter": ("interaction_required", "an encounter has to be chosen"),
    "consent": ("consent_required", "the person has not consented to this yet"),
}


def login_step(pending: Pending, session: Session | None) -> Step | None:
    """Say whether somebody has to log in first, or once more. Pure."""
    if session is None:
        return "log-in"
    request = pending.request
    if {"login", "select_account"} & set(request.prompt) and session.auth_time < pending.begun:
        return "again"
    if request.max_age_s is not None:
        oldest_us = pending.begun - request.max_age_s * 1_000_000
        if session.auth_time < oldest_us:
            return "again"
    return None


def next_step(pending: Pending, offer: Offer, *, consented: bool) -> Step:
    """Say what comes next for somebody who is logged in. Pure.

    Args:
        pending: the request.
        offer: what can be granted.
        consented: whether nobody has to be asked for consent.
    """
    if pending.request.launch and not pending.launched:
        return "launch"
    if pending.patient is None and offer.needs_patient:
        return "patient"
    if "launch/encounter" in offer.others and "encounter" not in pending.context:
        return "encounter"
    if not consented or "consent" in pending.request.prompt:
        return "consent"
    return "done"


def refuse_silent(pending: Pending, step: Step) -> None:
    """Refuse to ask anybody where the request forbids it.

    Raises:
        OAuthError: for the application.
    """
    if "none" in pending.request.prompt and step in _SILENT:
        raise OAuthError(*_SILENT[step])


def grant(
    connection: Connection[Any],
    pending: Pending,
    session: Session,
    scopes: str,
    base: str,
    now_us: int,
) -> str:
    """Grant what was asked and give the address that the browser goes to with the code.

    Args:
        connection: in a transaction or not.
        pending: the request.
        session: who grants.
        scopes: granted.
        base: this FHIR base.
        now_us: epoch microseconds.

    Raises:
        OAuthError: the request has been answered already, or the session has ended meanwhile.
    """
    context = {name: value for name, value in pending.context.items() if value is not None}
    if pending.patient is not None:
        context.setdefault("need_patient_banner", True)
    granted = TokenGrant(
        client=pending.client,
        audience=base,
        scopes=scopes,
        account=session.account.id,
        session=session.id,
        patient=pending.patient,
        context=context,
    )
    with connection.transaction():
        if not sessions.hold(connection, session.id, now_us):
            raise OAuthError("access_denied", "the login has ended meanwhile")
        if not authorizations.take(connection, pending):
            raise OAuthError("invalid_request", "this request has been answered already")
        under = grants.add(connection, granted, now_us)
        request = pending.request
        login = login_of(session, request.nonce)
        code = codes.add(
            connection, Code(under, request.redirect_uri, request.challenge, login), now_us
        )
    return answer_address(request.redirect_uri, request.state, base, {"code": code})


def error_address(redirect_uri: str, state: str, base: str, error: OAuthError) -> str:
    """Give the address that tells an application of an error."""
    return answer_address(redirect_uri, state, base, error.body)


def answer_address(redirect_uri: str, state: str, base: str, answer: JsonObject) -> str:
    """Give the address of an answer: RFC 9207 has the issuer in it."""
    parameters = {**answer, **({"state": state} if state else {}), "iss": base}
    joined = "&" if "?" in redirect_uri else "?"
    return f"{redirect_uri}{joined}{urlencode(parameters)}"
