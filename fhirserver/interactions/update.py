"""update: a new version of a resource, or its first one under an id that the client chose.

Spec: https://hl7.org/fhir/R4/http.html#update, #upsert, #concurrency and #cond-update

    conditional: matches   id in the body            becomes
    none                   none                      create
    none                   any                       create under that id
    one                    none, or the match's      update of the match
    one                    another                   400
    several                                          412

A create under an id that another resource has is refused with 412.
"""

from fhirserver.access import AuthContext, Decision
from fhirserver.audit import audit_row
from fhirserver.errors import InvalidRequestError, PreconditionFailedError
from fhirserver.interactions.conditions import condition, select_to_write
from fhirserver.interactions.covered import refuse_foreign
from fhirserver.interactions.identity import new_id
from fhirserver.interactions.labels import refuse_relabelling
from fhirserver.interactions.permit import permit
from fhirserver.interactions.prepare import Prepared, checked_id, checked_type, prepare
from fhirserver.interactions.respond import respond
from fhirserver.interactions.types import Query, Result, Services, WriteOptions
from fhirserver.interactions.writing import (
    apply_changes,
    apply_update,
    refuse_chosen_id,
    with_upload,
)
from fhirserver.model.json import JsonValue
from fhirserver.model.reference import is_id
from fhirserver.store.write import Change, WriteSession, Written, run_write


def update(
    services: Services,
    auth: AuthContext,
    type_: str,
    id_: str,
    content: JsonValue,
    options: WriteOptions | None = None,
) -> Result:
    """Store a resource under the id of its address.

    Returns:
        200, or 201 where it did not exist or was deleted; content that is what is stored makes no
        version, and the outcome says so.

    Raises:
        InvalidRequestError: another type or id than the address names.
        UnprocessableError: it breaks FHIR's rules.
        PreconditionFailedError: If-Match or If-None-Match does not hold.
    """
    options = options or WriteOptions()
    decision = permit(services, auth, "update", type_, id_)
    require_if_match(services, options)
    checked_id(type_, id_, checked_type(type_, content))
    prepared = _prepare(services, auth, decision, (type_, id_), content)
    change = update_change(prepared, options)
    row = audit_row(auth, "update")
    written = run_write(
        services.database,
        lambda session: apply_update(services, auth, decision, session, change, row),
    )
    return respond(services, auth, written, options.prefer, prepared.issues)


def update_conditional(
    services: Services,
    auth: AuthContext,
    type_: str,
    query: Query,
    content: JsonValue,
    options: WriteOptions | None = None,
) -> Result:
    """Store a resource under the id of the one that a search selects.

    Raises:
        PreconditionFailedError: If-Match is missing and required, or does not hold.
        InvalidRequestError: the body carries another id than the match has.
        MultipleMatchesError: the search selects several.
        UnprocessableError: it breaks FHIR's rules.
    """
    options = options or WriteOptions()
    require_if_match(services, options)
    wanted = condition(type_, query.pairs)
    resource = checked_type(type_, content)
    fresh_id = new_id(services.now())
    own_id = conditional_id(type_, None, resource.get("id"), fresh_id)

    def attempt(session: WriteSession) -> tuple[Prepared, Written]:
        session.lock_conditions([wanted.lock_key])
        match = select_to_write(services, auth, session, wanted)
        id_ = own_id if match is None else conditional_id(type_, match, resource.get("id"), match)
        decision = permit(services, auth, "update", type_, id_)
        if match is None:
            refuse_sent_id(decision, type_, resource.get("id"))
        prepared = _prepare(services, auth, decision, (type_, id_), resource)
        change = update_change(prepared, options, creates=match is None)
        row = audit_row(auth, "update", wanted.pairs)
        if match is None:
            if resource.get("id") is not None:
                current = session.lock([(type_, id_)])[type_, id_]
                refuse_relabelling(services, auth, session, change, current)
            return prepared, apply_changes(services, auth, session, [change], row)[0]
        return prepared, apply_update(services, auth, decision, session, change, row)

    prepared, written = run_write(services.database, attempt)
    return respond(services, auth, written, options.prefer, prepared.issues)


def refuse_sent_id(decision: Decision, type_: str, sent: JsonValue) -> None:
    """Refuse an id that a confined caller chose, where its condition selects nothing to update.

    Args:
        decision: the policy's, on the update.
        type_: resource type.
        sent: id in the body; None where there is none.

    Raises:
        ForbiddenError: there is one.
    """
    if sent is not None and not decision.unconfined:
        refuse_chosen_id((type_, str(sent)))


def conditional_id(type_: str, match: str | None, sent: JsonValue, fresh_id: str) -> str:
    """Choose the id that a conditional update writes. Pure.

    Args:
        type_: resource type, for the message.
        match: id of the one match; None for none.
        sent: id in the body, of any shape; None where there is none.
        fresh_id: for a create without an id.

    Raises:
        InvalidRequestError: the body's id is malformed, or not the match's.
    """
    if sent is None:
        return match or fresh_id
    if not isinstance(sent, str) or not is_id(sent):
        raise InvalidRequestError(
            f"{sent!r} is not an id; use 1 to 64 letters, digits, '-' and '.'.",
            expression=(f"{type_}.id",),
        )
    if match is not None and match != sent:
        raise InvalidRequestError(
            f"The body carries id {sent!r}, and the condition selects {type_}/{match}; "
            "leave the id out or send the same.",
            expression=(f"{type_}.id",),
        )
    return sent


def update_change(prepared: Prepared, options: WriteOptions, *, creates: bool = False) -> Change:
    """Make the change of an update; `creates` where a condition found nothing to update."""
    change = Change(
        type=prepared.content["resourceType"],
        id=prepared.content["id"],
        method="PUT",
        content=prepared.content,
        rows=prepared.rows,
        expected=options.if_match,
        create_only=creates or options.if_none_match_any,
    )
    return with_upload(change, options.upload)


def require_if_match(services: Services, options: WriteOptions) -> None:
    """Refuse an update without If-Match where the operator asks for it.

    Raises:
        PreconditionFailedError: it is missing.
    """
    if not services.settings.if_match_required:
        return
    if options.if_match is None and not options.if_none_match_any:
        raise PreconditionFailedError(
            'This server needs If-Match with the version that the change is based on, as W/"1"; '
            "send If-None-Match: * to create.",
            expression=("http.If-Match",),
        )


def _prepare(
    services: Services,
    auth: AuthContext,
    decision: Decision,
    place: tuple[str, str],
    content: JsonValue,
) -> Prepared:
    base_url = services.settings.public_url
    prepared = prepare(services.definitions, base_url, *place, content)
    refuse_foreign(services, auth, decision, prepared.content, prepared.rows, "/".join(place))
    return prepared
