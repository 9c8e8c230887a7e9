"""The audit trail: one row per interaction, written by the statement that it records."""

from fhirserver.audit.rows import audit_row

__all__ = ["audit_row"]
