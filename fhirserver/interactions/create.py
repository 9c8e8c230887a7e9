"""create: a new resource with an id of the server's; with If-None-Exist only where none matches.

Spec: https://hl7.org/fhir/R4/http.html#create and #ccreate
"""

from fhirserver.access import AuthContext
from fhirserver.audit import audit_row
from fhirserver.interactions.conditions import Condition, condition_text, select
from fhirserver.interactions.covered import refuse_foreign
from fhirserver.interactions.identity import new_id
from fhirserver.interactions.permit import permit
from fhirserver.interactions.prepare import Prepared, prepare
from fhirserver.interactions.respond import respond, respond_matched
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.types import Result, Services, WriteOptions
from fhirserver.interactions.writing import apply_changes, apply_one, with_upload
from fhirserver.model.json import JsonValue
from fhirserver.model.stored import StoredResource
from fhirserver.store.read import read as read_stored
from fhirserver.store.write import Change, StaleMatchError, WriteSession, Written, run_write


def create(
    services: Services,
    auth: AuthContext,
    type_: str,
    content: JsonValue,
    options: WriteOptions | None = None,
) -> Result:
    """Create a resource.

    Returns:
        201 and the location; with If-None-Exist and one match 200 and the match.

    Raises:
        InvalidRequestError: not a resource of this type.
        UnprocessableError: it breaks FHIR's rules.
        MultipleMatchesError: If-None-Exist selects several.
    """
    options = options or WriteOptions()
    decision = permit(services, auth, "create", type_)
    prepared = prepare(
        services.definitions,
        services.settings.public_url,
        type_,
        new_id(services.now()),
        content,
    )
    refuse_foreign(services, auth, decision, prepared.content, prepared.rows, f"The new {type_}")
    change = with_upload(create_change(prepared), options.upload)
    if options.if_none_exist is None:
        written = apply_one(services, auth, change, audit_row(auth, "create"))
        return respond(services, auth, written, options.prefer, prepared.issues)
    wanted = condition_text(type_, options.if_none_exist)
    outcome = _create_unless_matched(services, auth, change, wanted)
    if isinstance(outcome, StoredResource):
        return respond_matched(services, auth, outcome, options.prefer)
    return respond(services, auth, outcome, options.prefer, prepared.issues)


def create_change(prepared: Prepared) -> Change:
    """Make the change of a create; its id is one that nobody has used."""
    return Change(
        type=prepared.content["resourceType"],
        id=prepared.content["id"],
        method="POST",
        content=prepared.content,
        rows=prepared.rows,
        create_only=True,
    )


def _create_unless_matched(
    services: Services, auth: AuthContext, change: Change, wanted: Condition
) -> Written | StoredResource:
    """Write the change, or read what is there already."""
    row = audit_row(auth, "create", wanted.pairs)

    def attempt(session: WriteSession) -> Written | StoredResource:
        session.lock_conditions([wanted.lock_key])
        found = select(services, auth, session, wanted)
        if not found:
            return apply_changes(services, auth, session, [change], row)[0]
        inside = SessionDatabase(services.database, session)
        return still_there(read_stored(inside, wanted.type, found[0].id, row))

    return run_write(services.database, attempt)


def still_there(match: StoredResource | None) -> StoredResource:
    """Require that what a condition selected was not deleted before it was read. Pure.

    Raises:
        StaleMatchError: it was; the session must be run again.
    """
    if match is None or match.body is None:
        raise StaleMatchError
    return match
