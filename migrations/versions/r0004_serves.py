"""The schema says which versions of the code it still serves.

`serves` is the oldest schema revision whose code works on the present schema, so that servers of
the previous version serve on beside a migration and start again after it. A revision that takes
something away raises it.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; what there is since 0002 only has more indexes."""
    op.execute(
        "ALTER TABLE schema_revision ADD COLUMN IF NOT EXISTS"
        " serves varchar(32) NOT NULL DEFAULT '0002'"
    )
