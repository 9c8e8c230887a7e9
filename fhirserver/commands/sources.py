"""Files of FHIR resources, read as a stream.

    *.ndjson *.jsonl     a resource or Bundle a line
    *.json *.xml         one resource or Bundle
    any of them          with .gz, .bz2 or .zst after it
    a directory          its files of those names, in the order of their names; what else is in it
                         is left out, and named
    -                    standard input, as NDJSON

Nothing but the current line, or the current file where it is one resource, is held in memory.
"""

import bz2
import gzip
import hashlib
import io
import os
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NoReturn, cast

import zstandard

from fhirserver.commands.zstandard_frames import ZstandardFrames
from fhirserver.errors import Issue, MalformedBodyError
from fhirserver.model.json import JsonValue, parse_json

_LINES = (".ndjson", ".jsonl")
_PLAIN = (*_LINES, ".json", ".xml")
_PACKED = (".gz", ".bz2", ".zst")
_SHOWN = 10

NO_OBJECT = Issue("error", "structure", "A resource is a JSON object; this is none.")


class UnreadableError(ValueError):
    """A file that cannot be read to its end; the message names it and says how far it went."""


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

    def key(self) -> str | None:
        """Read the file and give a key that changes with its name and content.

        Returns:
            64 hexadecimal digits; None for standard input.

        Raises:
            OSError: the file cannot be read.
        """
        if self.path is None:
            return None
        digest = hashlib.sha256(f"{self.path.name}:".encode(errors="surrogateescape"))
        with self.path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()


@dataclass(slots=True)
class Found:
    """What some paths name.

    Attributes:
        sources: the files to read.
        left_out: what directories hold besides; reason added where it is not the name.
    """

    sources: list[Source] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def size_bytes(self) -> int:
        """Size of all files on disk."""
        return sum(source.size_bytes for source in self.sources)

    def report_left_out(self) -> None:
        """Name what is left out on standard error."""
        if self.left_out:
            sys.stderr.write(f"{len(self.left_out):,} left out: {_WHY}\n")
            sys.stderr.writelines(f"  {each}\n" for each in self.left_out[:_SHOWN])
        if len(self.left_out) > _SHOWN:
            sys.stderr.write(f"  and {len(self.left_out) - _SHOWN:,} more\n")


@dataclass(frozen=True, slots=True)
class Item:
    """One resource or Bundle as it stands in its file.

    Attributes:
        place: for reports, e.g. "Patient.ndjson:17".
        number: 1-based within the source.
        raw: the text.
        offset_bytes: how much of the file on disk has been read; drives the progress bar.
        is_xml: whether the text is XML instead of JSON.
    """

    place: str
    number: int
    raw: bytes
    offset_bytes: int
    is_xml: bool = False

    def parse(self) -> JsonValue:
        """Parse the text.

        Raises:
            MalformedBodyError: neither JSON nor XML of FHIR; names the line in the file.
            TooLargeError: nested too deep.
        """
        if self.is_xml:
            from fhirserver.definitions import r4
            from fhirserver.model.xml import parse_xml

            return parse_xml(self.raw, r4())
        try:
            return parse_json(self.raw)
        except MalformedBodyError:
            # The lines before it, empty, make the parser count as the file does.
            return parse_json(b"\n" * (self.number - 1) + self.raw.rstrip(b"\r\n"))


def find_sources(paths: list[str]) -> Found:
    """Find the files that the paths name.

    Raises:
        OSError: a path that is not there or may not be read, or a directory without such files.
        ValueError: a file whose name tells no format.
    """
    found = Found()
    for text in paths:
        path = Path(text)
        if text == "-":
            found.sources.append(Source(None, 0))
        elif path.is_dir():
            before = len(found.sources)
            _look_into(path, found)
            if len(found.sources) == before:
                raise FileNotFoundError(f"{path} holds no {_named(_PLAIN)} files")
        elif path.exists() and not is_source(path):
            raise ValueError(f"{path}: {_WHY}")
        else:
            found.sources.append(_readable(path))
    return found


def _look_into(folder: Path, found: Found) -> None:
    files: list[Path] = []
    for root, folders, names in os.walk(folder, onerror=_fail):
        files += (Path(root, name) for name in names)
        # os.walk does not follow links, so that it ends.
        files += (Path(root, name) for name in folders if Path(root, name).is_symlink())
    for file in sorted(files):
        if not file.is_file():
            found.left_out.append(f"{file} (no regular file)")
        elif not is_source(file):
            found.left_out.append(f"{file}")
        else:
            found.sources.append(_readable(file))


def _fail(error: OSError) -> NoReturn:
    raise error


def _named(suffixes: tuple[str, ...]) -> str:
    return f"{', '.join(suffixes[:-1])} or {suffixes[-1]}"


_WHY = f"the name must end in {_named(_PLAIN)}, maybe with {_named(_PACKED)} after it"


def _readable(path: Path) -> Source:
    if path.exists() and not path.is_file():
        raise ValueError(f"{path} is no regular file; pipe into - instead")
    with path.open("rb") as file:
        return Source(path, os.fstat(file.fileno()).st_size)


def is_source(path: Path) -> bool:
    """Whether a file's name tells a format that can be read."""
    return _plain_name(path).endswith(_PLAIN)


def read_items(source: Source) -> Iterator[Item]:
    """Read the resources of one source.

    Raises:
        UnreadableError: the file cannot be read or unpacked, or is cut off.
    """
    last = 0
    try:
        for item in _items(source):
            yield item
            last = item.number
    except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
        after = f" after line {last:,}" if last else ""
        raise UnreadableError(f"{source.name}{after}: {_reason(error)}") from error


def _items(source: Source) -> Iterator[Item]:
    if source.path is None:
        yield from _lines("stdin", sys.stdin.buffer, sys.stdin.buffer)
        return
    if source.path.suffix in _PACKED and not source.size_bytes:
        raise EOFError
    with source.path.open("rb") as disk, _unpacked(source.path, disk) as text:
        plain = _plain_name(source.path)
        if plain.endswith(_LINES):
            yield from _lines(source.path.name, text, disk)
        else:
            is_xml = plain.endswith(".xml")
            yield Item(source.path.name, 1, text.read(), source.size_bytes, is_xml)


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the file is cut off: the end of what was packed is missing; get it again"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"


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
        return io.BufferedReader(ZstandardFrames(disk), 1 << 17)
    return disk
