"""Contained resources with index rows of their own, and words of whole resources, for `_content`.

Tables `contained_...` are shaped like those of ordinary resources, so the same conditions are
tested on them; the views `both_...` join the two. Until a resource is reindexed, what it contains
is not found. Servers of earlier versions would leave such rows behind when they update a resource,
so the schema serves them no longer.

Row ids of `contained` are unique, but no constraint says so: one statement takes a row away and
puts it back changed, in either order.

Revision ID: 0012
Revises: 0011
"""

from alembic import op

revision = "0012"
down_revision = "0011"

_INDEX_TABLES = (
    "token", "string", "date", "ref", "quantity", "composite", "narrative", "content",
)  # fmt: skip
_TABLES = """
CREATE TABLE content (LIKE narrative INCLUDING ALL);
ALTER TABLE content SET (autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.03, autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE TABLE contained (
    rid bigint NOT NULL,
    pat bigint NOT NULL,
    container bigint NOT NULL,
    place integer NOT NULL,
    tid smallint NOT NULL,
    id text COLLATE "C" NOT NULL,
    present smallint[] NOT NULL
);
CREATE INDEX contained_rid ON contained (rid);
CREATE INDEX contained_type ON contained (tid, id);
CREATE TYPE contained_row AS (
    rid bigint, pat bigint, container bigint, place integer, tid smallint, id text,
    present smallint[]
);
CREATE VIEW contained_resource AS
    SELECT rid, pat, tid, 1::smallint AS state, id, present, container, place < 0 AS entry, place
    FROM contained;
CREATE VIEW both_resource AS
    SELECT rid, pat, tid, state, id, present, rid AS container, FALSE AS entry,
           NULL::integer AS place
    FROM resource
    UNION ALL
    SELECT rid, pat, tid, state, id, present, container, entry, place FROM contained_resource;
UPDATE schema_revision SET serves = '0012';
"""


def upgrade() -> None:
    """Create tables, views and the row type in one transaction."""
    op.execute(_TABLES)
    for name in _INDEX_TABLES:
        op.execute(f"CREATE TABLE contained_{name} (LIKE {name} INCLUDING ALL)")
        both = f"TABLE {name} UNION ALL TABLE contained_{name}"
        op.execute(f"CREATE VIEW both_{name} AS {both}")
