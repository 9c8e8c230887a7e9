"""Rows of composite parameters and positions: values that stand together in one element.

Until a resource is reindexed it is not found by them. Servers of earlier versions would leave such
rows behind when they update a resource, so the schema serves them no longer.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_TABLE = """
CREATE TABLE composite (
    system bigint NOT NULL, pat bigint NOT NULL, rid bigint NOT NULL,
    t_system bigint, q_system bigint, d_lo bigint, d_hi bigint,
    sp smallint NOT NULL, home boolean NOT NULL,
    code text COLLATE "C" NOT NULL, t_code text COLLATE "C",
    q_code text COLLATE "C", q_unit text COLLATE "C", q_low numeric, q_high numeric,
    q_c_unit text COLLATE "C", q_c_low numeric, q_c_high numeric,
    s_norm text COLLATE "C", s_exact text COLLATE "C", e_low numeric, e_high numeric
);
CREATE INDEX composite_pat ON composite (sp, code, pat, q_c_low, rid);
CREATE INDEX composite_token ON composite (sp, code, t_code, pat, rid) WHERE t_code IS NOT NULL;
CREATE INDEX composite_value ON composite (sp, code, q_low, rid) INCLUDE (pat)
    WHERE home AND q_low IS NOT NULL;
CREATE INDEX composite_canonical ON composite (sp, code, q_c_unit, q_c_low, rid) INCLUDE (pat)
    WHERE home AND q_c_unit IS NOT NULL;
CREATE INDEX composite_wide ON composite (sp, code, q_low, rid) WHERE home AND q_low < q_high;
CREATE INDEX composite_wide_canonical ON composite (sp, code, q_c_unit, q_c_low, rid)
    WHERE home AND q_c_low < q_c_high;
CREATE INDEX composite_date ON composite (sp, code, d_lo, d_hi, rid) INCLUDE (pat)
    WHERE home AND d_lo IS NOT NULL;
CREATE INDEX composite_string ON composite (sp, code, "left"(s_norm, 200), rid) INCLUDE (pat)
    WHERE home AND s_norm IS NOT NULL;
CREATE STATISTICS composite_sp_code (mcv, ndistinct) ON sp, code FROM composite;
CREATE STATISTICS composite_sp_code_pat (ndistinct) ON sp, code, pat FROM composite;
ALTER TABLE composite ALTER sp SET STATISTICS 300, ALTER code SET STATISTICS 300;
ALTER TABLE composite SET (autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.03, autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE TYPE composite_row AS (
    sp smallint, home boolean, system bigint, pat bigint, rid bigint, code text, t_system text,
    t_code text, q_system text, q_code text, q_unit text, q_low text, q_high text, q_c_unit text,
    q_c_low text, q_c_high text, d_lo text, d_hi text, s_norm text, s_exact text, e_low text,
    e_high text
);
UPDATE schema_revision SET serves = '0006';
"""


def upgrade() -> None:
    """Create table, indexes and row type in one transaction."""
    op.execute(_TABLE)
