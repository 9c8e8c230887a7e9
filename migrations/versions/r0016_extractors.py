"""An index that tells which extractors made the index rows of live resources.

What older rows do not hold, such as words, is not searched until none of them is left; the index
shows the last of them without a look at the others. It is built while others write; what an
interrupted run left is replaced.

Revision ID: 0016
Revises: 0015
"""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Create the index; nobody waits for this, so it may wait for others."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS resource_extractor")
        op.execute(
            "CREATE INDEX CONCURRENTLY resource_extractor ON resource (extractor) WHERE state = 1"
        )
        op.execute("RESET lock_timeout")
