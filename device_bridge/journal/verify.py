"""Whether all that was received is still there, as it was."""

import hashlib
import sqlite3
from collections.abc import Iterator


def verify(connection: sqlite3.Connection) -> Iterator[str]:
    """Look at the whole journal; gives one line for each fault found.

    Checked: SQLite's own integrity, every entry's digest, and that every entry has its progress.
    """
    for (finding,) in connection.execute("PRAGMA integrity_check"):
        if finding != "ok":
            yield f"file: {finding}"
    for number, digest, raw in connection.execute("SELECT id, digest, raw FROM entry ORDER BY id"):
        if hashlib.sha256(raw).digest() != digest:
            yield f"entry {number}: its content is not what was received"
    lost = connection.execute("SELECT id FROM entry EXCEPT SELECT id FROM progress ORDER BY 1")
    for (number,) in lost:
        yield f"entry {number}: nothing tells what became of it"
