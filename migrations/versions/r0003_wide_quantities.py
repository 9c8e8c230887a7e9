"""Indexes of the few quantities that are wider than a point: ranges, and those with a comparator.

"Greater than" asks for them apart; without an index of their own they are sought among all that
is smaller. They are built while others write; an index that an interrupted run left is replaced.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"

_INDEXES = {
    "quantity_wide": "quantity (sp, low, rid) WHERE home AND low < high",
    "quantity_wide_canonical": "quantity (sp, c_unit, c_low, rid) WHERE home AND c_low < c_high",
}


def upgrade() -> None:
    """Create the indexes; nobody waits for this, so it may wait for others."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for name, rows in _INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
        op.execute("RESET lock_timeout")
