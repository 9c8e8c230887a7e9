"""What must hold between Binaries and the contents that are kept apart for them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from psycopg import Connection

from fhirserver.definitions import Definitions
from fhirserver.errors import FhirError
from fhirserver.model.content_apart import EXTENSION_URL, ContentApart, content_apart
from fhirserver.model.json import parse_json
from fhirserver.store.verify_resource import Finding

_RULE = "content"
_FETCH_CHUNKS = 4
_NOTED = """
SELECT v.id, v.version, v.body, c.number FROM (
    SELECT rid, tid, id, version, body FROM resource
    UNION ALL SELECT rid, tid, id, version, body FROM history) v
LEFT JOIN binary_content c ON c.rid = v.rid AND c.version = v.version
WHERE v.tid = %s AND (c.number IS NOT NULL OR position(%s::bytea IN v.body) > 0)
ORDER BY v.rid, v.version
"""
_STRAY = """
SELECT count(*) FROM binary_content c WHERE rid IS NOT NULL
    AND NOT EXISTS (SELECT FROM resource r WHERE r.rid = c.rid AND r.version = c.version)
    AND NOT EXISTS (SELECT FROM history h WHERE h.rid = c.rid AND h.version = c.version)
"""
_CHUNKS = "SELECT octets FROM binary_chunk WHERE content = %s ORDER BY place"


def content_findings(connection: Connection[Any], definitions: Definitions) -> Iterator[Finding]:
    """Yield what is wrong with contents; each is read once, chunk by chunk.

    Args:
        connection: in the transaction whose snapshot is checked.
        definitions: number the resource types.
    """
    values = (definitions.type_id("Binary"), EXTENSION_URL.encode())
    with connection.cursor(name="verify_noted", binary=True) as cursor:
        for id_, version, body, number in cursor.execute(_NOTED, values):
            if _noted(body) == (None if number is None else _found(connection, number)):
                continue
            detail = f"version {version} has another content than it notes, or none"
            yield Finding(f"Binary/{id_}", _RULE, detail)
    row = connection.execute(_STRAY).fetchone()
    if row is not None and row[0]:
        yield Finding("content", _RULE, f"{row[0]} contents of no version")


def _noted(body: bytes | None) -> ContentApart | None:
    try:
        return None if body is None else content_apart(parse_json(body))
    except FhirError:  # that is another rule's finding
        return None


def _found(connection: Connection[Any], number: int) -> ContentApart:
    digest, size_bytes = hashlib.sha256(), 0
    with connection.cursor(name="verify_chunks", binary=True) as cursor:
        cursor.itersize = _FETCH_CHUNKS
        for (octets,) in cursor.execute(_CHUNKS, (number,)):
            digest.update(octets)
            size_bytes += len(octets)
    return ContentApart(size_bytes, digest.hexdigest())
