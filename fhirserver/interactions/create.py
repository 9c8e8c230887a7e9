"""create: a new resource with an id of the server's; with If-None-Exist only where none matches.

Spec: https://hl7.org/fhir/R4/http.html#create and #ccreate
"""

from fhirserver.access import AuthContext
from fhirserver.audit import audit_row
from fhirserver.errors import ConflictError
from fhirserver.interactions.conditions import Condition, condition_text, only_match
from fhirserver.interactions.identity import new_id, version_path
from fhirserver.interactions.permit import permit, refuse_foreign
from fhirserver.interactions.prepare import Prepared, prepare
from fhirserver.interactions.respond import preferred_body, respond
from fhirserver.interactions.types import Result, Services, WriteOptions
from fhirserver.interactions.writing import apply_one, with_upload
from fhirserver.model.json import JsonValue
from fhirserver.store.read import read as read_stored
from fhirserver.store.write import Change, WriteSession, Written, run_write


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
    refuse_foreign(services, decision, prepared.content, prepared.rows, f"The new {type_}")
    change = with_upload(create_change(prepared), options.upload)
    if options.if_none_exist is None:
        written = apply_one(services, change, audit_row(auth, "create"))
        return respond(services, written, options.prefer, prepared.issues)
    wanted = condition_text(type_, options.if_none_exist)
    outcome = _create_unless_matched(services, auth, change, wanted)
    if isinstance(outcome, str):
        return _matched(services, auth, wanted, outcome, options)
    return respond(services, outcome, options.prefer, prepared.issues)


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
) -> Written | str:
    """Write the change, or give the id of what is there already."""

    def attempt(session: WriteSession) -> Written | str:
        session.lock_conditions([wanted.lock_key])
        match = only_match(services, auth, session, wanted)
        if match is not None:
            return match
        row = audit_row(auth, "create", wanted.pairs)
        return session.apply([change], row, services.settings.referential_integrity)[0]

    return run_write(services.database, attempt)


def _matched(
    services: Services, auth: AuthContext, wanted: Condition, id_: str, options: WriteOptions
) -> Result:
    row = audit_row(auth, "create", wanted.pairs)
    stored = read_stored(services.database, wanted.type, id_, row)
    if stored is None or stored.body is None:
        raise ConflictError(f"The {wanted.type} that matched was deleted just now; try again.")
    location = f"{services.settings.public_url}/{version_path(stored)}"
    return Result(200, stored, preferred_body(stored, options.prefer, ()), location)
