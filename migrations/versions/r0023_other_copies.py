"""Copies of index rows in further compartments, which few resources have.

`_has` by a value begins with rows that the index by value gives. That one holds a copy of each; the
others are found here. Rows of one compartment are in none of these indexes and cost no more to
write. They are built while others write; what an interrupted run left is replaced.

Revision ID: 0023
Revises: 0022
"""

from alembic import op

revision = "0023"
down_revision = "0022"

_INDEXES = {
    "composite_others": "composite (sp, code, pat, rid) WHERE NOT home",
    "date_others": "date (sp, lo, hi, pat, rid) WHERE NOT home",
    "quantity_others": "quantity (sp, pat, rid) WHERE NOT home",
}


def upgrade() -> None:
    """Create the indexes; nobody waits for this, so it may wait for others."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for name, rows in _INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
        op.execute("RESET lock_timeout")
