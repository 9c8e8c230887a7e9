"""One bridge at a time works on a journal: two would send the same entries, out of order."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fhirserver_device_bridge.journal.layout import JournalError


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Hold the journal of a folder, which is made if missing; the lock ends with the process.

    Raises:
        JournalError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise JournalError(f"another bridge runs on {folder}; stop it first") from None
        yield
