"""Files of FHIR resources, read as a stream.

    *.ndjson *.jsonl     a resource or Bundle a line
    *.json               one resource or Bundle
    any of them          with .gz, .bz2 or .zst after it
    a directory          its files of those names, in the order of their names
    -                    standard input, as NDJSON

Nothing but the current line, or the current JSON file, is held in memory.
"""

import bz2
import gzip
import hashlib
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

_PLAIN = (".ndjson", ".jsonl", ".json")
_PACKED = (".gz", ".bz2", ".zst")


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input where `path` is None.

    Attributes:
        path: the file.
        size_bytes: its size on disk, 0 for standard input.
    """

    path: Path | None
    size_bytes: int

    @property
    def name(self) -> str:
        """What reports call it."""
        return "standard input" if self.path is None else str(self.path)

    @property
    def key(self) -> str | None:
        """A key that changes with the file's content; None for standard input.

        The first and last 64 KiB and the size stand for the content.
        """
        if self.path is None:
            return None
        digest = hashlib.sha256(f"{self.path.name}:{self.size_bytes}:".encode())
        with self.path.open("rb") as file:
            digest.update(file.read(65536))
            file.seek(max(self.size_bytes - 65536, 0))
            digest.update(file.read())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Item:
    """One resource or Bundle as it stands in its file.

    Attributes:
        place: for reports, e.g. "Patient.ndjson:17".
        number: 1-based within the source.
        raw: the JSON text.
        offset_bytes: how much of the file on disk has been read; drives the progress bar.
    """

    place: str
    number: int
    raw: bytes
    offset_bytes: int


def find_sources(paths: list[str]) -> list[Source]:
    """Find the files that the paths name.

    Raises:
        FileNotFoundError: a path that is not there, or a directory without such files.
        ValueError: a file whose name tells no format.
    """
    found: list[Source] = []
    for text in paths:
        if text == "-":
            found.append(Source(None, 0))
            continue
        path = Path(text)
        files = [path]
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file() and is_source(file))
            if not files:
                raise FileNotFoundError(f"{path} holds no .json or .ndjson files")
        elif not is_source(path):
            raise ValueError(f"{path}: the name must end in {', '.join(_PLAIN)} (+ .gz .bz2 .zst)")
        found.extend(Source(file, file.stat().st_size) for file in files)
    return found


def is_source(path: Path) -> bool:
    """Whether a file's name tells a format that can be read."""
    return _plain_name(path).endswith(_PLAIN)


def read_items(source: Source) -> Iterator[Item]:
    """Read the resources of one source.

    Raises:
        OSError: the file cannot be read or unpacked; the message of the operating system.
    """
    if source.path is None:
        yield from _lines("stdin", sys.stdin.buffer, sys.stdin.buffer)
        return
    with source.path.open("rb") as disk, _unpacked(source.path, disk) as text:
        if _plain_name(source.path).endswith(".json"):
            yield Item(source.path.name, 1, text.read(), source.size_bytes)
        else:
            yield from _lines(source.path.name, text, disk)


def _lines(name: str, text: BinaryIO, disk: BinaryIO) -> Iterator[Item]:
    seekable = disk.seekable()
    for number, line in enumerate(text, start=1):
        if line.strip():
            yield Item(f"{name}:{number}", number, line, disk.tell() if seekable else 0)


def _plain_name(path: Path) -> str:
    return path.stem if path.suffix in _PACKED else path.name


def _unpacked(path: Path, disk: BinaryIO) -> BinaryIO:
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.GzipFile(fileobj=disk))
    if path.suffix == ".bz2":
        return cast("BinaryIO", bz2.BZ2File(disk))
    if path.suffix == ".zst":
        return io.BufferedReader(
            zstandard.ZstdDecompressor().stream_reader(disk, read_across_frames=True)
        )
    return disk
