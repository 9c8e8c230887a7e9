"""TRUNCATE of the audit trail is refused like UPDATE and DELETE; its patients are append-only, too.

A trigger on TRUNCATE is not passed on to partitions, so each has its own, and `audit_partition`
makes one for those to come.

Revision ID: 0022
Revises: 0021
"""

from alembic import op

revision = "0022"
down_revision = "0021"

# Writers lock the trail, then its month: in another order this and they would wait for each other.
_NOT_EMPTIED = """
LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE;
LOCK TABLE audit_seal, audit_patient IN SHARE ROW EXCLUSIVE MODE;
CREATE OR REPLACE FUNCTION not_emptied(kept regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE TRIGGER not_emptied BEFORE TRUNCATE ON %s'
        ' FOR EACH STATEMENT EXECUTE FUNCTION append_only()', kept);
END $$;
CREATE OR REPLACE FUNCTION audit_partition(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text := to_char(month, '"audit_"YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF audit FOR VALUES FROM (%L) TO (%L)', name,
            date_trunc('month', month)::timestamptz,
            (date_trunc('month', month) + interval '1 month')::timestamptz);
        PERFORM not_emptied(name::regclass);
    END IF;
END $$;
SELECT not_emptied(kept) FROM (
    VALUES ('audit'::regclass), ('audit_seal'), ('audit_patient')
    UNION SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'audit'::regclass
) audited (kept);
CREATE OR REPLACE TRIGGER append_only BEFORE UPDATE OR DELETE ON audit_patient
    FOR EACH ROW EXECUTE FUNCTION append_only();
"""


def upgrade() -> None:
    """Add the triggers."""
    op.execute(_NOT_EMPTIED)
