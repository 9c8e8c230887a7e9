"""Alembic environment and revisions of the database schema; run by `fhirserver.store.migrate`."""
