"""Row types in which a write statement takes its rows.

They are types of their own, not those of the tables, so that a table can get a column while
servers of the previous version still write.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_TYPES = """
CREATE TYPE target_row AS (rid bigint, tid smallint, id text);
CREATE TYPE resource_row AS (
    rid bigint, pat bigint, updated bigint, version integer, tid smallint, state smallint,
    method smallint, id text, present smallint[], body bytea, keys bytea
);
CREATE TYPE token_row AS (
    sp smallint, home boolean, system bigint, pat bigint, dt bigint, rid bigint, code text
);
CREATE TYPE string_row AS (
    sp smallint, home boolean, pat bigint, rid bigint, norm text, exact text
);
CREATE TYPE date_row AS (
    sp smallint, home boolean, lo bigint, hi bigint, pat bigint, rid bigint
);
CREATE TYPE ref_row AS (sp smallint, home boolean, target bigint, pat bigint, rid bigint);
CREATE TYPE quantity_row AS (
    sp smallint, home boolean, system bigint, pat bigint, rid bigint, code text, unit text,
    low text, high text, c_unit text, c_low text, c_high text
);
CREATE TYPE compartment_row AS (pat bigint, rid bigint);
CREATE TYPE audit_row AS (
    rid bigint, version integer, tid smallint, outcome smallint, id text, interaction text,
    actor text, client text, request_id text, address text, query text
);
"""


def upgrade() -> None:
    """Create the types."""
    op.execute(_TYPES)
