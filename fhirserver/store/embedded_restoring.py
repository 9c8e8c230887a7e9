"""The sign of a restore that has not ended, and what may not be done meanwhile.

    DATA/restoring      there while a restore is at work, and after it was killed

What a killed restore leaves may look like a place for a new database, or like a whole one that
nobody has held against its backup. A restore that fails empties its folder, so it must own it:
it puts the sign there and then looks for what others have; they take the data directory's lock,
which is a file there, and then look for the sign. One of two sees the other.
"""

from pathlib import Path

from fhirserver.store.embedded_account import EmbeddedPostgresError

RESTORING = "restoring"


def begin_restore(data_dir: Path) -> Path:
    """Claim a folder that is missing or empty for a restore; returns the sign.

    Raises:
        EmbeddedPostgresError: something is there; it stays as it is.
    """
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    sign = data_dir / RESTORING
    try:
        sign.touch(exist_ok=False)
    except FileExistsError:
        check_restored(data_dir)
        raise
    if any(path != sign for path in data_dir.iterdir()):
        sign.unlink()
        msg = f"{data_dir} is not empty: move it away, or name another with --data-dir"
        raise EmbeddedPostgresError(msg)
    return sign


def check_restored(data_dir: Path) -> None:
    """Refuse a data directory that a restore has not made whole.

    Raises:
        EmbeddedPostgresError: a restore is at work there, or was killed.
    """
    if (data_dir / RESTORING).exists():
        msg = (
            f"{data_dir} is being restored, or a restore of it was killed: wait until it ends, or "
            "empty the folder and restore again"
        )
        raise EmbeddedPostgresError(msg)
