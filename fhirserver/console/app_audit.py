"""What people do with applications, in the audit trail."""

from collections.abc import Iterable

from fhirserver.audit import audit_row
from fhirserver.console.caller import caller
from fhirserver.console.signed_in import services_here
from fhirserver.store.audit_row import AuditPlace, record
from fhirserver.store.statement import StoreConnection


def tell(
    connection: StoreConnection,
    interaction: str,
    client: str,
    patients: Iterable[str | None] = (None,),
) -> None:
    """Write a row for each patient whose record it is about.

    Args:
        connection: in the transaction of what is told.
        interaction: e.g. "revoke-app".
        client: id of the application.
        patients: logical ids; None for nobody's record.
    """
    tid = services_here().definitions.type_id("Patient")
    row = audit_row(caller(), interaction)
    for patient in dict.fromkeys(patients):
        place = AuditPlace() if patient is None else AuditPlace(tid, patient)
        record(connection, row, 200, place, detail={"client": client})
