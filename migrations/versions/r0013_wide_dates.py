"""An index of the few dates that are wider than a day, and one that counts live resources.

"Not before" asks for wide dates apart; without an index of their own they are sought among all that
began earlier. How many resources a type has is counted in the index by the time of change, once
that also tells which are live. Both are built while others write; what an interrupted run left is
replaced.

Revision ID: 0013
Revises: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"

_INDEXES = {
    "date_wide": "date (sp, lo, hi, rid) INCLUDE (pat) WHERE home AND hi - lo > 86400000000",
    "resource_changed": "resource (tid, updated, rid) INCLUDE (state)",
}


def upgrade() -> None:
    """Create the indexes; nobody waits for this, so it may wait for others."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for name, rows in _INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS resource_updated")
        op.execute("RESET lock_timeout")
