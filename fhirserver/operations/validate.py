"""$validate: would this resource be accepted?

Spec: https://hl7.org/fhir/R4/resource-operation-validate.html

    mode       what is checked
    (none)     the resource by itself
    create     and whether it could be created: its references lead somewhere
    update     and whether it could be stored under the id of the URL
    delete     whether the resource of the URL could be deleted; no resource is sent
    profile    the resource by itself, against the profile

The body is the resource, or Parameters with `resource`, `mode` and `profile`; the URL may carry
mode and profile. At an instance without a body, what is stored there is checked. What would be
written is written and rolled back. The answer is 200 and an OperationOutcome whatever it says.
"""

from dataclasses import dataclass
from typing import NoReturn

from fhirserver.audit import audit_row
from fhirserver.definitions import Definitions
from fhirserver.errors import (
    FhirError,
    InvalidRequestError,
    Issue,
    NotSupportedError,
    UnprocessableError,
)
from fhirserver.interactions import Result, WriteOptions
from fhirserver.interactions.covered import refuse_foreign
from fhirserver.interactions.create import create_change
from fhirserver.interactions.delete import delete_change
from fhirserver.interactions.identity import new_id
from fhirserver.interactions.labels import refuse_relabelling
from fhirserver.interactions.permit import permit
from fhirserver.interactions.prepare import Prepared, check, checked_id, checked_type, prepare
from fhirserver.interactions.read import read
from fhirserver.interactions.update import update_change
from fhirserver.interactions.writing import apply_changes, is_hidden, refuse_takeover
from fhirserver.model.json import JsonObject, JsonValue, parse_json, write_json
from fhirserver.model.outcome import operation_outcome
from fhirserver.operations.parameters import read_parameters
from fhirserver.operations.types import Call, Operation
from fhirserver.store.audit_row import AuditPlace, record
from fhirserver.store.write import Change, WriteSession, run_write

_MODES = ("create", "update", "delete", "profile")
_BASE = "http://hl7.org/fhir/StructureDefinition/"
_FINE = Issue("information", "informational", "No issues: the resource would be accepted.")


class _RolledBackError(Exception):
    """The rehearsal went well, and is undone; `issues` are its warnings."""

    def __init__(self, issues: tuple[Issue, ...]) -> None:
        super().__init__()
        self.issues = issues


@dataclass(frozen=True, slots=True)
class _Asked:
    """The parameters, from wherever they came."""

    resource: JsonValue = None
    mode: str | None = None
    profile: str | None = None


def validate(call: Call) -> Result:
    """Check a resource, and with a mode whether it could be written.

    Parameters read: resource, mode, profile.

    Returns:
        200 and an OperationOutcome, also where the resource is wrong.

    Raises:
        InvalidRequestError: no resource where one is needed, an unknown mode or parameter.
        NotSupportedError: a profile that is not the type's own definition.
        NotFoundError: no such instance, or not this caller's.
    """
    asked = _asked(call)
    assert call.type is not None
    permit(call.services, call.auth, "validate", call.type, call.id)
    if asked.profile is not None and asked.profile.partition("|")[0] != f"{_BASE}{call.type}":
        raise NotSupportedError(
            f"The profile {asked.profile[:200]!r} is not known here; leave it out to check "
            f"against {_BASE}{call.type}."
        )
    issues = _check_delete(call, asked) if asked.mode == "delete" else _check(call, asked)
    _tell(call)
    return Result(200, body=write_json(operation_outcome(issues or (_FINE,))))


OPERATION = Operation(
    code="validate",
    definition="http://hl7.org/fhir/OperationDefinition/Resource-validate",
    levels=frozenset(("type", "instance")),
    types=None,
    affects_state=False,
    run=validate,
)


def _tell(call: Call) -> None:
    """Record it for good: a rehearsal's own row is undone with it."""
    tid = call.services.definitions.type_id(call.type) if call.type else None
    with call.services.database.connection() as connection:
        record(connection, audit_row(call.auth, "validate"), 200, AuditPlace(tid, call.id))


def _asked(call: Call) -> _Asked:
    found = read_parameters(call, "validate", ("resource", "mode", "profile"))
    if found.get("mode") not in (None, *_MODES):
        raise InvalidRequestError(f"mode is one of {', '.join(_MODES)}, not {found['mode']!r}.")
    return _Asked(**found)


def _check(call: Call, asked: _Asked) -> tuple[Issue, ...]:
    resource = asked.resource
    if resource is None:
        resource = _stored(call)
    assert call.type is not None
    if asked.mode is None or asked.mode == "profile":
        content = checked_type(call.type, resource)
        return _issues(content, call.services.definitions)
    try:
        return _rehearse_write(call, asked.mode, checked_type(call.type, resource))
    except FhirError as error:
        return error.issues


def _issues(content: JsonObject, definitions: Definitions) -> tuple[Issue, ...]:
    """List everything that stands in the way of storing a resource, and what is remarked."""
    try:
        return check(definitions, content)
    except UnprocessableError as error:
        return error.issues


def _stored(call: Call) -> JsonObject:
    if call.type is None or call.id is None:
        raise InvalidRequestError("Send the resource to check, alone or in Parameters.")
    result = read(call.services, call.auth, call.type, call.id)
    assert result.body is not None
    resource: JsonObject = parse_json(result.body)
    return resource


def _check_delete(call: Call, asked: _Asked) -> tuple[Issue, ...]:
    if call.type is None or call.id is None or asked.resource is not None:
        raise InvalidRequestError("mode=delete goes to an instance and carries no resource.")
    try:
        return _rehearse(call, delete_change(call.type, call.id, WriteOptions()), "delete")
    except FhirError as error:
        return error.issues


def _rehearse_write(call: Call, mode: str, resource: JsonObject) -> tuple[Issue, ...]:
    services = call.services
    assert call.type is not None
    if mode == "update":
        if call.id is None:
            raise InvalidRequestError("mode=update goes to an instance.")
        checked_id(call.type, call.id, resource)
    id_ = call.id if mode == "update" and call.id is not None else new_id(services.now())
    prepared: Prepared = prepare(
        services.definitions, services.settings.public_url, call.type, id_, resource
    )
    change = (
        update_change(prepared, WriteOptions()) if mode == "update" else create_change(prepared)
    )
    return (*prepared.issues, *_rehearse(call, change, mode))


def _rehearse(call: Call, change: Change, mode: str) -> tuple[Issue, ...]:
    """Write a change, undo it, and give the warnings of the store.

    Raises:
        FhirError: what stands in its way.
    """
    services = call.services
    decision = permit(services, call.auth, mode, change.type, change.id)
    place = change.type, change.id
    if change.content is not None and change.rows is not None:
        refuse_foreign(services, call.auth, decision, change.content, change.rows, "/".join(place))

    def attempt(session: WriteSession) -> NoReturn:
        if change.content is None and is_hidden(services, call.auth, decision, session, change):
            raise _RolledBackError(())
        if mode == "update":
            current = session.lock([place])[place]
            refuse_takeover(services, call.auth, decision, current, place)
            refuse_relabelling(services, call.auth, session, change, current)
        row = audit_row(call.auth, "validate")
        (written,) = apply_changes(services, call.auth, session, [change], row)
        raise _RolledBackError(written.issues)

    try:
        run_write(services.database, attempt)
    except _RolledBackError as undone:
        return undone.issues
