"""delete: a new version that says the resource is gone; the earlier ones stay.

Spec: https://hl7.org/fhir/R4/http.html#delete

    stored        becomes                         answer
    live          deleted                         204, ETag of the delete
    deleted       unchanged                       204
    nothing       unchanged                       204

`Prefer: return=OperationOutcome` asks for 200 and a body. A conditional delete of several is
refused with 412: what it would delete is the caller's to name.
"""

from fhirserver.access import AuthContext, Decision
from fhirserver.audit import audit_row
from fhirserver.errors import Issue
from fhirserver.interactions.conditions import condition, only_match
from fhirserver.interactions.permit import permit
from fhirserver.interactions.types import Preference, Query, Result, Services, WriteOptions
from fhirserver.interactions.writing import is_hidden
from fhirserver.model.json import write_json
from fhirserver.model.outcome import operation_outcome
from fhirserver.store.audit_row import AuditRow
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
        services.database, lambda session: _write(services, decision, session, change, row)
    )
    return respond_deleted(written, f"{type_}/{id_}", options.prefer)


def delete_conditional(
    services: Services,
    auth: AuthContext,
    type_: str,
    query: Query,
    options: WriteOptions | None = None,
) -> Result:
    """Delete the one resource that a search selects; none is fine too.

    Raises:
        MultipleMatchesError: the search selects several.
        ConflictError: other resources refer to the match; names them.
    """
    options = options or WriteOptions()
    wanted = condition(type_, query.pairs)
    permit(services, auth, "delete", type_)

    def attempt(session: WriteSession) -> Written | None:
        session.lock_conditions([wanted.lock_key])
        match = only_match(services, auth, session, wanted)
        if match is None:
            return None
        decision = permit(services, auth, "delete", type_, match)
        change = delete_change(type_, match, options)
        row = audit_row(auth, "delete", wanted.pairs)
        return _write(services, decision, session, change, row)

    written = run_write(services.database, attempt)
    return respond_deleted(written, type_, options.prefer)


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


def respond_deleted(written: Written | None, place: str, prefer: Preference | None) -> Result:
    """Answer a delete.

    Args:
        written: what the store did; None where nothing was to delete.
        place: for the outcome, e.g. "Patient/1".
        prefer: only "OperationOutcome" asks for a body.
    """
    stored = written.stored if written is not None and written.stored.version else None
    if prefer != "OperationOutcome":
        return Result(204, stored)
    done = written is not None and written.changed
    text = f"{place} is deleted." if done else f"{place}: nothing to delete."
    warnings = written.issues if written is not None else ()
    issues = (*warnings, Issue("information", "informational", text))
    return Result(200, stored, write_json(operation_outcome(issues)), issues=issues)


def _write(
    services: Services, decision: Decision, session: WriteSession, change: Change, row: AuditRow
) -> Written | None:
    if is_hidden(services, decision, session, change.type, change.id):
        return None
    return session.apply([change], row, services.settings.referential_integrity)[0]
