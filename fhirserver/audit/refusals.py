"""What was refused or failed is told too: who wanted what, and what stood against it.

A read that finds nothing has its row from the statement that looked. What a write looked at, its
failure tells: so it has a row of its own, as the write's went with its transaction.
"""

from fhirserver.access import AuthContext
from fhirserver.audit.rows import audit_row
from fhirserver.errors import FhirError
from fhirserver.store.audit_row import AuditPlace, record
from fhirserver.store.database import Database

_REFUSED = (401, 403)
_FAILED = (*_REFUSED, 404, 409, 410, 412, 422)
_READS = ("read", "vread", "search", "history", "operation", "async")
"""How interactions begin that look at something and change nothing, or tell of it themselves."""


def leaves_no_row(interaction: str, error: FhirError) -> bool:
    """Whether an interaction that ended so is to be told of. Pure."""
    if interaction.startswith(_READS):
        return error.status in _REFUSED
    return error.status in _FAILED


def record_refusal(
    database: Database,
    auth: AuthContext,
    interaction: str,
    place: tuple[str | None, str | None],
    error: FhirError,
) -> None:
    """Write the row of an interaction that was refused or failed.

    Args:
        database: where the trail is.
        auth: who asked.
        interaction: FHIR's code.
        place: resource type and logical id, None each where there is none.
        error: of a refusal, its message names the rule; others may hold what was sent, and only
            their code is kept.

    Raises:
        UnavailableError: it cannot be written; then the caller hears that and not the refusal.
    """
    type_, id_ = place
    known = type_ in database.definitions.resource_types
    tid = database.definitions.type_id(type_) if type_ and known else None
    row = audit_row(auth, interaction or "unknown")
    # PostgreSQL holds no NUL in a text.
    said = str(error)[:500].replace("\0", "\ufffd")
    reason = said if error.status in _REFUSED else error.issues[0].code
    with database.connection() as connection:
        record(connection, row, error.status, AuditPlace(tid, id_), reason=reason)
