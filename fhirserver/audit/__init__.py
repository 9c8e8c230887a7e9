"""The audit trail: one row per interaction, written by the statement that it records.

rows       what interactions write          refusals   what was refused
seals      a chain over what was committed  events     a row as an AuditEvent
"""

from fhirserver.audit.events import audit_event
from fhirserver.audit.refusals import leaves_no_row, record_refusal
from fhirserver.audit.rows import audit_row
from fhirserver.audit.seals import Anchor, Broken, check_chain, seal

__all__ = [
    "Anchor",
    "Broken",
    "audit_event",
    "audit_row",
    "check_chain",
    "leaves_no_row",
    "record_refusal",
    "seal",
]
