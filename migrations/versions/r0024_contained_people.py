"""An index that finds what is contained in the compartment of a patient, by type.

What contains somebody else is out of reach of whoever is confined to the patient. It is built while
others write; what an interrupted run left is replaced.

Revision ID: 0024
Revises: 0021
"""

from alembic import op

revision = "0024"
down_revision = "0021"


def upgrade() -> None:
    """Create the index; nobody waits for this, so it may wait for others."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS contained_pat")
        op.execute("CREATE INDEX CONCURRENTLY contained_pat ON contained (pat, tid)")
        op.execute("RESET lock_timeout")
