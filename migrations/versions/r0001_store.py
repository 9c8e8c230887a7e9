"""The store: resources, history, index tables, audit, outbox, jobs.

Revision ID: 0001

The meaning of every table and column is in `fhirserver.store.schema`.
"""

from alembic import op

revision = "0001"
down_revision = None

_RESOURCE = """
CREATE SEQUENCE rid_seq INCREMENT 1000;
CREATE TABLE resource (
    rid bigint PRIMARY KEY,
    pat bigint NOT NULL,
    updated bigint NOT NULL,
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    version integer NOT NULL,
    tid smallint NOT NULL,
    state smallint NOT NULL,
    method smallint NOT NULL,
    extractor smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    present smallint[] NOT NULL,
    body bytea,
    keys bytea NOT NULL,
    CONSTRAINT resource_tid_id UNIQUE (tid, id),
    CONSTRAINT resource_body CHECK ((state = 1) = (body IS NOT NULL))
);
CREATE INDEX resource_updated ON resource (tid, updated, rid);
CREATE TABLE history (
    rid bigint NOT NULL,
    pat bigint NOT NULL,
    updated bigint NOT NULL,
    xact xid8 NOT NULL,
    version integer NOT NULL,
    tid smallint NOT NULL,
    state smallint NOT NULL,
    method smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    body bytea,
    PRIMARY KEY (rid, version)
);
CREATE INDEX history_updated ON history (tid, updated, rid);
"""

_INDEX_TABLES = """
CREATE TABLE token (
    pat bigint NOT NULL, dt bigint NOT NULL, rid bigint NOT NULL, system bigint NOT NULL,
    sp smallint NOT NULL, home boolean NOT NULL, code text COLLATE "C" NOT NULL
);
CREATE INDEX token_pat ON token (sp, code, pat, dt DESC, rid, system);
CREATE INDEX token_all ON token (sp, code, dt DESC, rid) INCLUDE (pat, system) WHERE home;
CREATE TABLE string (
    pat bigint NOT NULL, rid bigint NOT NULL, sp smallint NOT NULL, home boolean NOT NULL,
    norm text COLLATE "C" NOT NULL, exact text COLLATE "C" NOT NULL
);
CREATE INDEX string_pat ON string (sp, pat, "left"(norm, 200), rid);
CREATE INDEX string_all ON string (sp, "left"(norm, 200), rid) WHERE home;
CREATE TABLE date (
    lo bigint NOT NULL, hi bigint NOT NULL, pat bigint NOT NULL, rid bigint NOT NULL,
    sp smallint NOT NULL, home boolean NOT NULL
);
CREATE INDEX date_pat ON date (sp, pat, lo, hi, rid);
CREATE INDEX date_all ON date (sp, lo, hi, rid) INCLUDE (pat) WHERE home;
CREATE INDEX date_end ON date (sp, hi) WHERE home;
CREATE TABLE ref (
    target bigint NOT NULL, pat bigint NOT NULL, rid bigint NOT NULL,
    sp smallint NOT NULL, home boolean NOT NULL
);
CREATE INDEX ref_target ON ref (sp, target, pat, rid);
CREATE TABLE quantity (
    system bigint NOT NULL, pat bigint NOT NULL, rid bigint NOT NULL,
    sp smallint NOT NULL, home boolean NOT NULL,
    low numeric NOT NULL, high numeric NOT NULL, c_low numeric, c_high numeric,
    code text COLLATE "C" NOT NULL, unit text COLLATE "C" NOT NULL, c_unit text COLLATE "C"
);
CREATE INDEX quantity_canonical ON quantity (sp, c_unit, c_low, rid) WHERE home;
CREATE INDEX quantity_value ON quantity (sp, low, rid) WHERE home;
CREATE INDEX quantity_pat ON quantity (sp, pat, rid);
CREATE TABLE compartment (
    pat bigint NOT NULL, rid bigint NOT NULL, PRIMARY KEY (pat, rid)
);
"""

# One column's statistics would take a parameter and its commonest code for independent.
_STATISTICS = """
CREATE STATISTICS token_sp_code (mcv, ndistinct) ON sp, code FROM token;
CREATE STATISTICS token_sp_code_system (mcv) ON sp, code, system FROM token;
CREATE STATISTICS token_sp_pat (ndistinct) ON sp, pat FROM token;
CREATE STATISTICS string_sp_norm (mcv, ndistinct) ON sp, ("left"(norm, 200)) FROM string;
CREATE STATISTICS ref_sp_target (mcv, ndistinct) ON sp, target FROM ref;
CREATE STATISTICS date_sp_pat (ndistinct) ON sp, pat FROM date;
CREATE STATISTICS quantity_sp_unit (mcv, ndistinct) ON sp, c_unit FROM quantity;
ALTER STATISTICS token_sp_code SET STATISTICS 500;
ALTER STATISTICS token_sp_code_system SET STATISTICS 500;
ALTER TABLE token ALTER sp SET STATISTICS 500, ALTER code SET STATISTICS 500;
ALTER TABLE string ALTER sp SET STATISTICS 300, ALTER norm SET STATISTICS 300;
ALTER TABLE ref ALTER sp SET STATISTICS 300, ALTER target SET STATISTICS 300;
ALTER TABLE date ALTER sp SET STATISTICS 300;
ALTER TABLE quantity ALTER sp SET STATISTICS 300;
"""

_STORAGE = """
DO $$
DECLARE name text;
BEGIN
    IF (SELECT 'lz4' = ANY (enumvals) FROM pg_settings
        WHERE pg_settings.name = 'default_toast_compression') THEN
        ALTER TABLE resource ALTER body SET COMPRESSION lz4, ALTER keys SET COMPRESSION lz4;
        ALTER TABLE history ALTER body SET COMPRESSION lz4;
    END IF;
    FOREACH name IN ARRAY ARRAY['resource', 'token', 'string', 'date', 'ref', 'quantity'] LOOP
        EXECUTE format('ALTER TABLE %I SET (autovacuum_vacuum_scale_factor = 0.05,
            autovacuum_analyze_scale_factor = 0.03, autovacuum_vacuum_insert_scale_factor = 0.1)',
            name);
    END LOOP;
END $$;
"""

_AUDIT = """
CREATE SEQUENCE audit_entry CACHE 100;
CREATE TABLE audit (
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    entry bigint NOT NULL DEFAULT nextval('audit_entry'),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    rid bigint,
    version integer,
    matches integer,
    tid smallint,
    outcome smallint NOT NULL,
    id text COLLATE "C",
    interaction text NOT NULL,
    actor text NOT NULL,
    client text NOT NULL,
    request_id text NOT NULL,
    address text NOT NULL,
    query text
) PARTITION BY RANGE (at);
CREATE TABLE audit_default PARTITION OF audit DEFAULT;
CREATE INDEX audit_at ON audit USING brin (at);
CREATE FUNCTION audit_partition(month date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE name text := to_char(month, '"audit_"YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF audit FOR VALUES FROM (%L) TO (%L)', name,
            date_trunc('month', month)::timestamptz,
            (date_trunc('month', month) + interval '1 month')::timestamptz);
    END IF;
END $$;
SELECT audit_partition((date_trunc('month', now()) + make_interval(months => n))::date)
FROM generate_series(0, 2) n;
"""

_BACKGROUND = """
CREATE SEQUENCE outbox_entry CACHE 100;
CREATE TABLE outbox (
    entry bigint PRIMARY KEY DEFAULT nextval('outbox_entry'),
    xact xid8 NOT NULL DEFAULT pg_current_xact_id(),
    rid bigint NOT NULL,
    updated bigint NOT NULL,
    number bigint,
    version integer NOT NULL,
    tid smallint NOT NULL,
    method smallint NOT NULL
);
CREATE UNIQUE INDEX outbox_number ON outbox (number) WHERE number IS NOT NULL;
CREATE TABLE lease (
    name text PRIMARY KEY,
    owner text NOT NULL,
    fence bigint NOT NULL,
    expires timestamptz NOT NULL
);
CREATE TABLE job (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    parameters jsonb NOT NULL DEFAULT '{}',
    progress jsonb NOT NULL DEFAULT '{}',
    state text NOT NULL DEFAULT 'waiting'
        CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    attempts integer NOT NULL DEFAULT 0,
    fence bigint NOT NULL DEFAULT 0,
    owner text,
    heartbeat timestamptz,
    expires timestamptz,
    run_after timestamptz NOT NULL DEFAULT now(),
    created timestamptz NOT NULL DEFAULT now(),
    error text
);
CREATE INDEX job_due ON job (run_after, number) WHERE state IN ('waiting', 'running');
"""


def upgrade() -> None:
    """Create everything in one transaction."""
    for statements in (_RESOURCE, _INDEX_TABLES, _STATISTICS, _STORAGE, _AUDIT, _BACKGROUND):
        op.execute(statements)
