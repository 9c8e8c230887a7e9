"""Jobs of asynchronous requests: their address, their answer, and what a batch remembers.

Revision ID: 0011
Revises: 0009
"""

from alembic import op

revision = "0011"
down_revision = "0009"

_CHANGES = """
ALTER TABLE job ADD COLUMN IF NOT EXISTS key text COLLATE "C",
    ADD COLUMN IF NOT EXISTS ended bigint, ADD COLUMN IF NOT EXISTS answer bytea;
CREATE UNIQUE INDEX IF NOT EXISTS job_key ON job (key) WHERE key IS NOT NULL;
CREATE INDEX IF NOT EXISTS job_ended ON job (ended) WHERE ended IS NOT NULL;
CREATE TABLE IF NOT EXISTS job_entry (
    job bigint NOT NULL REFERENCES job ON DELETE CASCADE,
    entry integer NOT NULL,
    answer bytea NOT NULL,
    PRIMARY KEY (job, entry)
);
"""


def upgrade() -> None:
    """Add columns and the table of entries that are done."""
    op.execute(_CHANGES)
