"""A note in the data directory by which commands find the server that runs on it.

server.json   {"pid", "database", "fhir"}; mode 0600, because the URL holds a password
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

_NAME = "server.json"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs on a data directory.

    Attributes:
        database: URL of its database.
        fhir: its FHIR base.
    """

    database: str
    fhir: str


def read_note(data_dir: Path) -> Running | None:
    """Return the server that runs on a data directory, None if none does."""
    try:
        note = json.loads((data_dir / _NAME).read_text("utf-8"))
        os.kill(note["pid"], 0)
    except (OSError, ValueError, KeyError):
        return None
    return Running(str(note["database"]), str(note["fhir"]))


class RunningNote:
    """The note, from entering to leaving.

    Args:
        data_dir: made if missing.
        running: this process's server.
    """

    def __init__(self, data_dir: Path, running: Running) -> None:
        self._path = data_dir / _NAME
        self._text = json.dumps(
            {"pid": os.getpid(), "database": running.database, "fhir": running.fhir}
        )

    def __enter__(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._path.with_suffix(".new")
        partial.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(partial, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(self._text)
        partial.replace(self._path)

    def __exit__(self, *_exception: object) -> None:
        self._path.unlink(missing_ok=True)
