"""Content of Binaries that is too large for a row, in chunks.

Revision ID: 0015
Revises: 0014
"""

from alembic import op

revision = "0015"
down_revision = "0014"

_TABLES = """
CREATE TABLE IF NOT EXISTS binary_content (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    begun timestamptz NOT NULL DEFAULT clock_timestamp(),
    rid bigint,
    version integer,
    size_bytes bigint,
    CONSTRAINT binary_content_version UNIQUE (rid, version),
    CONSTRAINT binary_content_whole CHECK (
        (rid IS NULL) = (version IS NULL) AND (rid IS NULL) = (size_bytes IS NULL))
);
CREATE INDEX IF NOT EXISTS binary_content_begun ON binary_content (begun) WHERE rid IS NULL;
CREATE TABLE IF NOT EXISTS binary_chunk (
    content bigint NOT NULL REFERENCES binary_content ON DELETE CASCADE,
    place integer NOT NULL,
    octets bytea NOT NULL,
    PRIMARY KEY (content, place)
);
ALTER TABLE binary_chunk ALTER octets SET STORAGE EXTERNAL;
"""


def upgrade() -> None:
    """Add the tables; a server of the version before never looks at them."""
    op.execute(_TABLES)
