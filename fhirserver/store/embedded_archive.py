"""Put finished WAL files into the archive, and fetch them back. Run as a program by PostgreSQL.

Specification: https://www.postgresql.org/docs/18/continuous-archiving.html

    embedded_archive.py store PATH ARCHIVE/NAME      archive_command
    embedded_archive.py fetch ARCHIVE/NAME PATH      restore_command

A file lies in the archive as NAME.gz, because one that is closed early is nearly all zeros. It
gets its name when it is on the disk as a whole, and is never replaced: one of the same name and
other content belongs to another database or to another life of this one.

Exit codes:
    0      done, or the archive has just this file already
    1      try again later; fetch: the archive has no such file
    200    fetch: the archive is there no more or damaged: recovery must not end here as if this
           were all (PostgreSQL gives up for codes above 125)
"""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from pathlib import Path

_CHUNK_BYTES = 1 << 20
_DAMAGED = 200
_LEVEL = 1


def store(source: Path, target: Path) -> int:
    """Compress a file into the archive."""
    packed = _packed(target)
    try:
        if packed.exists():
            return _compare(source, packed)
        part = packed.with_name(f".{packed.name}.part")
        with open(part, "wb", opener=_private_opener) as file:
            with gzip.GzipFile("", "wb", _LEVEL, file, 0) as compressed:
                _copy(source, compressed)
            file.flush()
            os.fsync(file.fileno())
        part.rename(packed)
        _sync(packed.parent)
    except OSError as error:
        return _say(1, f"cannot archive {source.name}: {error}")
    return 0


def fetch(archived: Path, target: Path) -> int:
    """Unpack a file of the archive to where PostgreSQL wants it."""
    packed = _packed(archived)
    if not packed.exists():
        there = packed.parent.is_dir()
        return 1 if there else _say(_DAMAGED, f"{packed.parent} is there no more")
    try:
        with gzip.open(packed, "rb") as file, target.open("wb") as output:
            while chunk := file.read(_CHUNK_BYTES):
                output.write(chunk)
    except (OSError, EOFError, zlib.error) as error:
        return _say(_DAMAGED, f"{packed} cannot be read: {error}")
    return 0


def _compare(source: Path, packed: Path) -> int:
    try:
        with gzip.open(packed, "rb") as archived:
            same = archived.read() == source.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile):
        same = False
    if same:
        _sync(packed.parent)
        return 0
    return _say(1, f"{packed} exists with other content and is not replaced")


def _copy(source: Path, target: gzip.GzipFile) -> None:
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            target.write(chunk)


def _packed(path: Path) -> Path:
    return path.with_name(f"{path.name}.gz")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _private_opener(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _say(code: int, message: str) -> int:
    sys.stderr.write(f"fhirserver archive: {message}\n")
    return code


if __name__ == "__main__":
    action, *paths = sys.argv[1:]
    sys.exit({"store": store, "fetch": fetch}[action](*map(Path, paths)))
