"""First answers to requests with an Idempotency-Key.

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"

_TABLES = """
CREATE TABLE IF NOT EXISTS idempotency (
    id bytea PRIMARY KEY,
    request bytea NOT NULL,
    patients text[],
    kept bigint NOT NULL,
    result bytea,
    body bytea
);
CREATE INDEX IF NOT EXISTS idempotency_kept ON idempotency (kept);
CREATE TABLE IF NOT EXISTS idempotency_entry (
    id bytea NOT NULL REFERENCES idempotency ON DELETE CASCADE,
    entry integer NOT NULL,
    answer bytea NOT NULL,
    PRIMARY KEY (id, entry)
);
"""


def upgrade() -> None:
    """Add the tables of what has been answered."""
    op.execute(_TABLES)
