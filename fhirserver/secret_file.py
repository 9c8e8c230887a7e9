"""Files of the data directory that hold 32 secret bytes, each made when it is first wanted.

    cursor.key   seals paging links
    audit.key    seals the audit trail
    secrets.key  encrypts the secrets that the database keeps and that must be read back

Servers that share a database share what these seal when they share the files.
"""

import os
from pathlib import Path

CURSOR_KEY_FILE = "cursor.key"
AUDIT_KEY_FILE = "audit.key"
SECRETS_KEY_FILE = "secrets.key"
_SIZE_BYTES = 32


def read_or_make(path: Path) -> bytes:
    """Read a secret, and make it where there is none yet: the first process's counts.

    Args:
        path: of the file; only its owner may read one that is made.

    Raises:
        OSError: it cannot be read or made.
        RuntimeError: it is there and holds something else.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_bytes(os.urandom(_SIZE_BYTES))
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
    return _read(path)


def _read(path: Path) -> bytes:
    secret = path.read_bytes()
    if len(secret) != _SIZE_BYTES:
        raise RuntimeError(
            f"{path} holds {len(secret)} bytes and not the {_SIZE_BYTES} of a secret: bring the "
            "right file back from a backup"
        )
    return secret
