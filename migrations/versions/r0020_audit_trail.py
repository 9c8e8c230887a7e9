"""The audit trail becomes evidence: what was shown, why it was refused, and a chain of seals.

`audit` is append-only from here on; only `xact`, which is no part of what a row says, may change,
as it does when a database is brought back in another cluster.

Revision ID: 0020
Revises: 0019
"""

from alembic import op

revision = "0020"
down_revision = "0019"

_COLUMNS = """
ALTER TABLE audit ADD COLUMN IF NOT EXISTS rids bigint[], ADD COLUMN IF NOT EXISTS reason text,
    ADD COLUMN IF NOT EXISTS token text, ADD COLUMN IF NOT EXISTS purpose text,
    ADD COLUMN IF NOT EXISTS detail jsonb;
DROP TYPE IF EXISTS audited_row;
CREATE TYPE audited_row AS (
    rid bigint, version integer, tid smallint, outcome smallint, id text, interaction text,
    actor text, client text, request_id text, address text, query text, token text, purpose text
);
"""
_SEALS = """
CREATE TABLE IF NOT EXISTS audit_seal (
    number bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    entry bigint NOT NULL UNIQUE,
    digest bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS audit_position (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    xact xid8 NOT NULL,
    number bigint NOT NULL,
    digest bytea NOT NULL
);
CREATE TABLE IF NOT EXISTS audit_patient (
    pat bigint NOT NULL,
    at timestamptz NOT NULL,
    entry bigint NOT NULL,
    PRIMARY KEY (pat, at, entry)
);
"""
_APPEND_ONLY = """
CREATE OR REPLACE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'xact' = to_jsonb(OLD) - 'xact' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION append_only();
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_seal
    FOR EACH ROW EXECUTE FUNCTION append_only();
"""
_PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'audit'::regclass"


def upgrade() -> None:
    """Add the columns and tables, then the index that the sealing goes by, beside writers."""
    op.execute(_COLUMNS + _SEALS + _APPEND_ONLY)
    with op.get_context().autocommit_block():
        connection = op.get_bind()
        op.execute("DROP INDEX IF EXISTS audit_commit")  # an interrupted run's
        op.execute("CREATE INDEX audit_commit ON ONLY audit (xact, entry)")
        op.execute("SET lock_timeout = 0")
        for (name,) in connection.exec_driver_sql(_PARTITIONS).fetchall():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_commit_new")
            op.execute(f"CREATE INDEX CONCURRENTLY {name}_commit_new ON {name} (xact, entry)")
            op.execute(f"ALTER INDEX audit_commit ATTACH PARTITION {name}_commit_new")
        op.execute("RESET lock_timeout")
