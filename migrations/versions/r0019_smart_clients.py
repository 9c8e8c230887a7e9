"""Keys that sign, assertions that were used, and what registration needs.

Revision ID: 0019
Revises: 0018
"""

from alembic import op

revision = "0019"
down_revision = "0018"

_TABLES = """
CREATE TABLE IF NOT EXISTS oauth_key (
    kid text PRIMARY KEY,
    public jsonb NOT NULL,
    sealed bytea NOT NULL,
    signs_from bigint NOT NULL
);
CREATE TABLE IF NOT EXISTS oauth_assertion (
    issuer text NOT NULL,
    jti bytea NOT NULL,
    expires bigint NOT NULL,
    PRIMARY KEY (issuer, jti)
);
CREATE INDEX IF NOT EXISTS oauth_assertion_expires ON oauth_assertion (expires);
CREATE TABLE IF NOT EXISTS oauth_invitation (
    digest bytea PRIMARY KEY,
    uses integer NOT NULL,
    expires bigint NOT NULL
);
ALTER TABLE oauth_client
    ADD COLUMN IF NOT EXISTS registration bytea,
    ADD COLUMN IF NOT EXISTS metadata jsonb NOT NULL DEFAULT '{}';
"""


def upgrade() -> None:
    """Add the tables and columns."""
    op.execute(_TABLES)
