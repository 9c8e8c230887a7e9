"""Access in an emergency: who reached whose record without a relation, why, and who looked at it.

Revision ID: 0021
Revises: 0020
"""

from alembic import op

revision = "0021"
down_revision = "0020"

_TABLE = """
CREATE TABLE IF NOT EXISTS broken_glass (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text COLLATE "C" NOT NULL,
    patient text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    broken bigint NOT NULL,
    expires bigint NOT NULL,
    reviewed bigint,
    reviewer text COLLATE "C",
    justified boolean,
    remark text
);
CREATE INDEX IF NOT EXISTS broken_glass_account ON broken_glass (account, expires);
CREATE INDEX IF NOT EXISTS broken_glass_unreviewed ON broken_glass (number) WHERE reviewed IS NULL;
"""


def upgrade() -> None:
    """Add the table; rows stay when an account goes."""
    op.execute(_TABLE)
