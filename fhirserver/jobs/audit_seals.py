"""Seal what has been committed to the audit trail, and let those who wait find it by patient."""

from pathlib import Path
from typing import Any

from psycopg import Connection

from fhirserver.audit.key import read_audit_key
from fhirserver.audit.seals import seal
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.store.audit_trail import TrailRow, keep_seals, position, unsealed

_BATCH = 2000


class AuditSeals:
    """The duty of sealing; one process at a time has its lease.

    Args:
        settings: name the folder of the key.
    """

    def __init__(self, settings: Settings) -> None:
        self._data_dir = Path(settings.data_dir)

    def step(self, connection: Connection[Any]) -> bool:
        """Seal the next rows; True if there may be more."""
        last = position(connection)
        rows = unsealed(connection, last, _BATCH)
        if not rows:
            return False
        key = read_audit_key(self._data_dir)
        number, digest = last.number, last.digest
        sealed: list[tuple[int, TrailRow, bytes]] = []
        for row in rows:
            number += 1
            digest = seal(key, digest, number, row.said)
            sealed.append((number, row, digest))
        keep_seals(connection, sealed, r4().type_id("Patient"))
        return len(rows) == _BATCH
