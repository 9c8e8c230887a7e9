"""One change, written in one database transaction."""

from fhirserver.access import Decision
from fhirserver.interactions.permit import sees
from fhirserver.interactions.types import Services
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.write import Change, WriteSession, Written, write


def apply_one(services: Services, change: Change, row: AuditRow) -> Written:
    """Write one change with its audit row; nothing else happens in its transaction."""
    return write(services.database, [change], row, services.settings.referential_integrity)[0]


def is_hidden(
    services: Services, decision: Decision, session: WriteSession, type_: str, id_: str
) -> bool:
    """Whether something is stored that a confined caller may not see; locks it."""
    if decision.patients is None:
        return False
    current = session.lock([(type_, id_)])[type_, id_]
    return current is not None and not sees(services, decision, current)
