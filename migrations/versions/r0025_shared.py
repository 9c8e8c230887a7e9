"""References in further compartments, which few resources have.

What lies in compartments of several patients is found by them: each copy of its rows beside the
first names all of these patients. Whoever may see some patients only is shown nothing that others
share, and that is looked for in each search. Rows of one compartment are not in this index and cost
no more to write. It is built while others write; what an interrupted run left is replaced.

Revision ID: 0025
Revises: 0024
"""

from alembic import op

revision = "0025"
down_revision = "0024"

_ROWS = "ref (target, sp, rid, pat) WHERE NOT home"


def upgrade() -> None:
    """Create the index; nobody waits for this, so it may wait for others."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS ref_others")
        op.execute(f"CREATE INDEX CONCURRENTLY ref_others ON {_ROWS}")
        op.execute("RESET lock_timeout")
