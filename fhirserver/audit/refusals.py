"""What was refused or failed is told too: who wanted what, and what stood against it.

    401, 403       of whatever there is
    any other 4xx  of an interaction; but a read or search that found nothing has its row from the
                   statement that looked, and a method that no place takes (405) is no interaction
    5xx            are the server's failures, and in its log

What a write looked at, its failure tells: so it has a row of its own, as the write's went with its
transaction. A request that is wrong in itself has one because it may be a probe: of somebody else's
paging link or background answer, of parameters, of ids.
"""

from fhirserver.access import AuthContext
from fhirserver.audit.rows import audit_row
from fhirserver.errors import FhirError
from fhirserver.store.audit_row import AuditPlace, record
from fhirserver.store.database import Database

_REFUSED = (401, 403)
_SERVERS_FAULT = 500
_FOUND = (404, 405, 410, 412, 416)
"""Statuses of what looked, and has its row from that."""
_NOWHERE = ("", "operation", "options", "capabilities", "discovery", "openapi")
_LOOKING = ("read", "vread", "search", "history", "validate", "fhirpath")
"""How interactions begin that look at something and change nothing, or tell of it themselves."""


def leaves_no_row(interaction: str, error: FhirError) -> bool:
    """Whether an interaction that ended so is to be told of. Pure.

    Args:
        interaction: FHIR's code, or that of an operation; "operation" for one that there is not.
        error: how it ended.
    """
    if error.status in _REFUSED:
        return True
    if error.status >= _SERVERS_FAULT or interaction in _NOWHERE:
        return False
    return error.status not in (_FOUND if interaction.startswith(_LOOKING) else (405,))


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
            their code is kept, and which element or parameter it is about.

    Raises:
        UnavailableError: it cannot be written; then the caller hears that and not the refusal.
    """
    type_, id_ = place
    known = type_ in database.definitions.resource_types
    tid = database.definitions.type_id(type_) if type_ and known else None
    row = audit_row(auth, interaction or "unknown")
    said = str(error) if error.status in _REFUSED else _about(error)
    # PostgreSQL holds no NUL in a text.
    reason = said[:500].replace("\0", "\ufffd")
    with database.connection() as connection:
        record(connection, row, error.status, AuditPlace(tid, id_), reason=reason)


def _about(error: FhirError) -> str:
    issue = error.issues[0]
    return " ".join((issue.code, *issue.expression))
