"""Search parameters of one's own: which there are, and how far resources are indexed for them.

A server of an earlier version would write resources without their rows, so the schema serves those
versions no longer.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"

_TABLES = """
CREATE SEQUENCE search_registry_versions;
CREATE TABLE search_registry (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    version bigint NOT NULL
);
CREATE TABLE search_parameter (
    sp smallint PRIMARY KEY,
    base text COLLATE "C" NOT NULL,
    code text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    entry jsonb NOT NULL,
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'indexing', 'active', 'retired', 'removing')),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    horizon xid8,
    after text COLLATE "C" NOT NULL DEFAULT '',
    done bigint NOT NULL DEFAULT 0,
    total bigint NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX search_parameter_code ON search_parameter (base, code)
    WHERE state IN ('waiting', 'indexing', 'active');
"""

# The transaction has its number before it looks, so that whoever waits for all transactions with
# lower numbers than its own waits for every writer that saw the version before.
_FUNCTION = """
CREATE FUNCTION search_registry_version() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN coalesce((SELECT version FROM search_registry), 0);
END $$;
UPDATE schema_revision SET serves = '0009';
"""


def upgrade() -> None:
    """Create everything in one transaction."""
    op.execute(_TABLES)
    op.execute(_FUNCTION)
