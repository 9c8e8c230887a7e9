"""Security labels that are more than ordinary, by resource.

Whoever is kept from them has each resource looked up, unless it is in the compartments of certain
patients. Few resources have any; rows of other parameters with the same codes do no harm. That the
predicate is a test of truth keeps PostgreSQL from weighing it against the codes of every search: it
takes it for the same expression or for another. It is built while others write; what an interrupted
run left is replaced.

Revision ID: 0026
Revises: 0025
"""

from alembic import op

revision = "0026"
down_revision = "0025"

_CODES = """
    'ADOL', 'B', 'BH', 'CEL', 'COGN', 'DEMO', 'DIA', 'DOB', 'DRGIS', 'DVD', 'EMOTDIS',
    'EMP', 'EMPL', 'ETH', 'ETHUD', 'GDIS', 'GENDER', 'HIV', 'LIVARG', 'LOCIS', 'MARST',
    'MH', 'MST', 'OPIOIDUD', 'PDS', 'PHY', 'PRS', 'PSY', 'PSYTHPN', 'R', 'RACE', 'REL',
    'SCA', 'SDV', 'SEX', 'SICKLE', 'SPI', 'SSP', 'STD', 'SUD', 'TBOO', 'V', 'VIO'
"""
_ROWS = f"token (rid, sp, code) WHERE (code = ANY (ARRAY[{_CODES}])) IS TRUE"


def upgrade() -> None:
    """Create the index; nobody waits for this, so it may wait for others."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS token_labels")
        op.execute(f"CREATE INDEX CONCURRENTLY token_labels ON {_ROWS}")
        op.execute("RESET lock_timeout")
