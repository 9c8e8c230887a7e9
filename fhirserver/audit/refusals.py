"""What was refused is told too: who wanted what, and the rule that stood against it."""

from fhirserver.access import AuthContext
from fhirserver.audit.rows import audit_row
from fhirserver.errors import FhirError
from fhirserver.store.audit_row import AuditPlace, record
from fhirserver.store.database import Database

REFUSED = (401, 403)


def record_refusal(
    database: Database,
    auth: AuthContext,
    interaction: str,
    place: tuple[str | None, str | None],
    error: FhirError,
) -> None:
    """Write the row of an interaction that was refused.

    Args:
        database: where the trail is.
        auth: who was refused.
        interaction: FHIR's code.
        place: resource type and logical id, None each where there is none.
        error: its message names the rule.

    Raises:
        UnavailableError: it cannot be written; then the caller hears that and not the refusal.
    """
    type_, id_ = place
    known = type_ in database.definitions.resource_types
    tid = database.definitions.type_id(type_) if type_ and known else None
    row = audit_row(auth, interaction or "unknown")
    reason = str(error)[:500].replace("\0", "\ufffd")  # which PostgreSQL holds in no text
    with database.connection() as connection:
        record(connection, row, error.status, AuditPlace(tid, id_), reason=reason)
