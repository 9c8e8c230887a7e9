"""Jobs know who asked for them, and which resource tells of them.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the columns; nobody has written a job before."""
    op.execute("ALTER TABLE job ADD COLUMN IF NOT EXISTS caller jsonb NOT NULL DEFAULT '{}'")
    op.execute("ALTER TABLE job ADD COLUMN IF NOT EXISTS rid bigint")
