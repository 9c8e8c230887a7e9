"""X-Provenance: a write and the Provenance of what it made, stored together or not at all.

Spec: https://hl7.org/fhir/R4/provenance.html#header

The header carries a Provenance without targets. Its targets are the versions that the write made;
of a delete the version that was deleted. A write that makes no version, such as a conditional
create that finds its match, has nothing to tell of, and no Provenance is stored.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from fhirserver.access import AuthContext
from fhirserver.audit import audit_row
from fhirserver.definitions import Definitions
from fhirserver.errors import FhirError, InvalidRequestError, Issue
from fhirserver.interactions.covered import refuse_foreign
from fhirserver.interactions.create import create_change
from fhirserver.interactions.identity import new_id, version_path
from fhirserver.interactions.permit import permit
from fhirserver.interactions.prepare import check, checked_type, identified, prepare
from fhirserver.interactions.session_database import SessionDatabase
from fhirserver.interactions.transaction_entries import with_issues
from fhirserver.interactions.types import Result, Services
from fhirserver.interactions.writing import apply_changes
from fhirserver.model.json import JsonObject, parse_json
from fhirserver.model.stored import StoredResource
from fhirserver.store.write import WriteSession, run_write

HEADER = "http.X-Provenance"
_SOME_TARGET: JsonObject = {"reference": "Basic/x/_history/1"}
"""Stands for the targets that are not known yet."""


def read_provenance(definitions: Definitions, text: str) -> JsonObject:
    """Read the header and check all of it but its targets. Pure.

    Raises:
        FhirError: no JSON, no Provenance, one that breaks FHIR's rules, or one with targets; the
            issues name the header and the element.
    """
    if not text.strip():
        raise InvalidRequestError(
            "X-Provenance is empty, or holds characters beyond ASCII: send a Provenance as JSON, "
            "and write such characters as \\uXXXX.",
            expression=(HEADER,),
        )
    try:
        content = checked_type("Provenance", parse_json(text.encode("utf-8")))
        if "target" in content:
            raise InvalidRequestError(
                "The server fills in target with what it stores; leave it out.",
                expression=("Provenance.target",),
            )
        check(definitions, identified({**content, "target": [_SOME_TARGET]}, "x"))
    except FhirError as error:
        raise _at_header(error) from None
    return content


def recorded(
    services: Services,
    auth: AuthContext,
    provenance: JsonObject | None,
    write: Callable[[Services], Result],
) -> Result:
    """Perform a write, and store the Provenance of it in the same database transaction.

    Args:
        services: what interactions work with.
        auth: the caller.
        provenance: as `read_provenance` gives it; None where the caller sent none.
        write: the interaction, given services inside the transaction.

    Raises:
        ForbiddenError: the caller may not create the Provenance; nothing is stored.
        ConflictError: it refers to nothing.
        FhirError: whatever the write raises.
    """
    if provenance is None:
        return write(services)
    permit(services, auth, "create", "Provenance")

    def attempt(session: WriteSession) -> Result:
        session.begin()
        inside = replace(services, database=SessionDatabase(services.database, session))
        before = len(session.made)
        result = write(inside)
        place = _record(services, auth, session, _about(provenance, session.made[before:]))
        return replace(result, provenance=place)

    return run_write(services.database, attempt)


def _about(provenance: JsonObject, made: Sequence[StoredResource]) -> JsonObject | None:
    """Fill in the targets; None where there are none."""
    targets = [{"reference": version_path(_told_of(each))} for each in made]
    return {**provenance, "target": targets} if targets else None


def _told_of(stored: StoredResource) -> StoredResource:
    """Give the version that a Provenance speaks of."""
    return replace(stored, version=stored.version - 1) if stored.deleted else stored


def _record(
    services: Services, auth: AuthContext, session: WriteSession, content: JsonObject | None
) -> str | None:
    """Store a Provenance and give its address."""
    if content is None:
        return None
    decision = permit(services, auth, "create", "Provenance")
    base_url = services.settings.public_url
    id_ = new_id(services.now())
    try:
        prepared = prepare(services.definitions, base_url, "Provenance", id_, content)
        refuse_foreign(services, auth, decision, prepared.content, prepared.rows, "The Provenance")
        row = audit_row(auth, "create")
        (written,) = apply_changes(services, auth, session, [create_change(prepared)], row)
    except FhirError as error:
        raise _at_header(error) from error
    return f"{base_url}/{version_path(written.stored)}"


def _at_header(error: FhirError) -> FhirError:
    """Name the header in an error, before the elements."""
    issues = [
        Issue(
            issue.severity,
            issue.code,
            f"X-Provenance: {issue.diagnostics}",
            (HEADER, *issue.expression),
            issue.details,
        )
        for issue in error.issues
    ]
    return with_issues(error, issues)
