"""Words of narratives, for `_text`, and an index of the entries of Lists, for `_list`.

Until a resource is reindexed `_text` does not find it. Servers of earlier versions would leave
words behind when they update a resource, so the schema serves them no longer.

Words are in a vector without positions, which holds every word of a long text; order is tested on
the row. 1569 is the number of List's parameter `item`.

Revision ID: 0008
Revises: 0006
"""

from alembic import op

revision = "0008"
down_revision = "0006"

_TABLE = """
CREATE TABLE narrative (
    pat bigint NOT NULL, rid bigint NOT NULL, sp smallint NOT NULL, home boolean NOT NULL,
    words text COLLATE "C" NOT NULL
);
CREATE INDEX narrative_pat ON narrative (sp, pat, rid);
CREATE INDEX narrative_words ON narrative
    USING gin (array_to_tsvector(string_to_array(words, ' '))) WHERE home;
ALTER TABLE narrative SET (autovacuum_vacuum_scale_factor = 0.05,
    autovacuum_analyze_scale_factor = 0.03, autovacuum_vacuum_insert_scale_factor = 0.1);
CREATE TYPE narrative_row AS (
    sp smallint, home boolean, pat bigint, rid bigint, words text
);
CREATE INDEX ref_item ON ref (rid, target) WHERE sp = 1569;
UPDATE schema_revision SET serves = '0008';
"""


def upgrade() -> None:
    """Create table, indexes and row type in one transaction."""
    op.execute(_TABLE)
