"""Seal what has been committed to the audit trail, and let those who wait find it by patient."""

from pathlib import Path
from typing import Any

from psycopg import Connection

from fhirserver.audit import seal
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.secret_file import AUDIT_KEY_FILE, read_or_make
from fhirserver.store.audit_trail import TrailRow, keep_seals, position, unsealed

_BATCH = 500


class AuditSeals:
    """The duty of sealing; one process at a time has its lease.

    Args:
        settings: name the folder of the key.
    """

    def __init__(self, settings: Settings) -> None:
        self._key_file = Path(settings.data_dir) / AUDIT_KEY_FILE

    def step(self, connection: Connection[Any]) -> bool:
        """Seal the next rows; True if there may be more."""
        # Other duties wait behind this one; whoever holds the trail holds it up for no longer.
        connection.execute("SET LOCAL lock_timeout = '2s'")
        last = position(connection)
        rows = unsealed(connection, last, _BATCH)
        if not rows:
            return False
        key = read_or_make(self._key_file)
        number, digest = last.number, last.digest
        sealed: list[tuple[int, TrailRow, bytes]] = []
        for row in rows:
            number += 1
            digest = seal(key, digest, number, row.said)
            sealed.append((number, row, digest))
        keep_seals(connection, sealed, r4().type_id("Patient"))
        return len(rows) == _BATCH
