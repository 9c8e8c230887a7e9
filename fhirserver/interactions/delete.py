"""delete: a new version that says the resource is gone; the earlier ones stay.

Spec: https://hl7.org/fhir/R4/http.html#delete

    stored        becomes                         answer
    live          deleted                         204, ETag of the delete
    deleted       unchanged                       204
    nothing       unchanged                       204

`Prefer: return=OperationOutcome` asks for 200 and a body. A conditional delete deletes all that its
condition selects, or nothing: more than the operator's limit are refused with 412. The limit is one
unless set otherwise, since what is deleted should be the caller's to name.
"""

from collections.abc import Sequence

from fhirserver.access import AuthContext, Decision
from fhirserver.audit import audit_row
from fhirserver.errors import Issue
from fhirserver.interactions.conditions import condition, lock_matches, select
from fhirserver.interactions.permit import permit
from fhirserver.interactions.types import Preference, Query, Result, Services, WriteOptions
from fhirserver.interactions.writing import apply_changes, is_hidden
from fhirserver.model.json import write_json
from fhirserver.model.outcome import operation_outcome
from fhirserver.store.audit_row import AuditPlace, AuditRow, record
from fhirserver.store.write import Change, WriteSession, Written, run_write


def delete(
    services: Services,
    auth: AuthContext,
    type_: str,
    id_: str,
    options: WriteOptions | None = None,
) -> Result:
    """Delete one resource.

    Raises:
        PreconditionFailedError: If-Match does not hold.
        ConflictError: other resources refer to it; names them.
    """
    options = options or WriteOptions()
    decision = permit(services, auth, "delete", type_, id_)
    change = delete_change(type_, id_, options)
    row = audit_row(auth, "delete")
    written = run_write(
        services.database, lambda session: _write(services, auth, decision, session, change, row)
    )
    return respond_deleted([] if written is None else [written], f"{type_}/{id_}", options.prefer)


def delete_conditional(
    services: Services,
    auth: AuthContext,
    type_: str,
    query: Query,
    options: WriteOptions | None = None,
) -> Result:
    """Delete what a search selects; none is fine too.

    Raises:
        MultipleMatchesError: the search selects more than the operator allows.
        ConflictError: other resources refer to the match; names them.
    """
    options = options or WriteOptions()
    wanted = condition(type_, query.pairs)
    permit(services, auth, "delete", type_)

    def attempt(session: WriteSession) -> list[Written]:
        session.lock_conditions([wanted.lock_key])
        found = select(services, auth, session, wanted, services.settings.conditional_delete_limit)
        lock_matches(services, auth, session, [(wanted, found)])
        changes = []
        for match in found:
            decision = permit(services, auth, "delete", type_, match.id)
            change = delete_change(type_, match.id, options)
            if not is_hidden(services, auth, decision, session, change):
                changes.append(change)
        row = audit_row(auth, "delete", wanted.pairs)
        if not changes:
            record_nothing(services, session, (type_, None), row)
            return []
        return apply_changes(services, auth, session, changes, row)

    written = run_write(services.database, attempt)
    return respond_deleted(written, f"{type_} by condition", options.prefer)


def delete_change(type_: str, id_: str, options: WriteOptions) -> Change:
    """Make the change of a delete."""
    return Change(
        type=type_,
        id=id_,
        method="DELETE",
        content=None,
        rows=None,
        expected=options.if_match,
        create_only=False,
    )


def respond_deleted(written: Sequence[Written], place: str, prefer: Preference | None) -> Result:
    """Answer a delete.

    Args:
        written: what the store did; empty where nothing was to delete.
        place: for the outcome where nothing was, e.g. "Patient/1".
        prefer: only "OperationOutcome" asks for a body.
    """
    stored = written[0].stored if len(written) == 1 and written[0].stored.version else None
    if prefer != "OperationOutcome":
        return Result(204, stored)
    warnings = [issue for each in written for issue in each.issues]
    done = [
        f"{each.stored.type}/{each.stored.id} is deleted." for each in written if each.changed
    ] or [f"{place}: nothing to delete."]
    issues = (*warnings, *(Issue("information", "informational", text) for text in done))
    return Result(200, stored, write_json(operation_outcome(issues)), issues=issues)


def _write(
    services: Services,
    auth: AuthContext,
    decision: Decision,
    session: WriteSession,
    change: Change,
    row: AuditRow,
) -> Written | None:
    if is_hidden(services, auth, decision, session, change):
        record_nothing(services, session, (change.type, change.id), row)
        return None
    return apply_changes(services, auth, session, [change], row)[0]


def record_nothing(
    services: Services, session: WriteSession, place: tuple[str, str | None], row: AuditRow
) -> None:
    """Record a delete that found nothing that the caller may see, and did nothing.

    Args:
        services: number the types.
        session: of the delete.
        place: type, and the logical id where it named one.
        row: who asked.
    """
    type_, id_ = place
    record(session.connection, row, 404, AuditPlace(services.definitions.type_id(type_), id_))
