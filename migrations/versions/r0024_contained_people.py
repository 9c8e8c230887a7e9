"""Indexes for who is confined to patients: of what is contained, and of many compartments.

One finds what is contained in a patient's compartment, by type: what contains somebody else is out
of reach. The other finds all compartments of what has more than there are copies. They are built
while others write; what an interrupted run left is replaced.

Revision ID: 0024
Revises: 0022
"""

from alembic import op

revision = "0024"
down_revision = "0022"

_INDEXES = {
    "contained_pat": "contained (pat, tid)",
    "compartment_rid": "compartment (rid)",
}


def upgrade() -> None:
    """Create the indexes; nobody waits for this, so it may wait for others."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        for name, rows in _INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"CREATE INDEX CONCURRENTLY {name} ON {rows}")
        op.execute("RESET lock_timeout")
