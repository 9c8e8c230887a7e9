"""The WAL archive of a data directory: which one, PostgreSQL's settings for it, what it holds.

    DATA/postgres.archive          path of the archive; read at every start, by `load` as by `serve`
    ARCHIVE/000000010000000000000003.gz     16 MB of WAL, packed: timeline, then number

An archive belongs to one life of a database. A restored one archives elsewhere, so no file is ever
claimed by two, and whatever an archive holds is one line without forks.
"""

from __future__ import annotations

import gzip
import re
import shlex
import struct
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

from fhirserver.store import embedded_archive
from fhirserver.store.embedded_account import Account, EmbeddedPostgresError
from fhirserver.store.embedded_cluster import write_private

REMEMBERED = "postgres.archive"
ARCHIVE_TIMEOUT_S = 60
"""A WAL file is closed after this time, full or not."""
SEGMENT_BYTES = 16 * 1024 * 1024
_SEGMENTS_PER_LOG = 2**32 // SEGMENT_BYTES
_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})\.gz")
_SYSTEM_AT = 24
"""Where the first page of a segment holds the cluster's identifier, eight bytes."""


def remembered_archive(data_dir: Path) -> Path | None:
    """Return where a data directory's WAL is archived; None if it is not."""
    try:
        return Path((data_dir / REMEMBERED).read_text("utf-8").strip())
    except FileNotFoundError:
        return None


def choose_archive(data_dir: Path, wanted: Path | None, account: Account) -> Path | None:
    """Give the archive to use, and remember it for whoever starts PostgreSQL next.

    Args:
        data_dir: of the embedded PostgreSQL.
        wanted: absolute; made if missing. None for the one that is remembered.
        account: must be able to write there.

    Raises:
        EmbeddedPostgresError: `wanted` holds WAL of another database or of an earlier life of this
            one, or cannot be made.
    """
    known = remembered_archive(data_dir)
    if wanted is None or wanted == known:
        return known
    cluster = (data_dir / "postgres").resolve()
    if wanted.resolve().is_relative_to(cluster):
        msg = f"--archive-dir {wanted} lies in the database itself, {cluster}"
        raise EmbeddedPostgresError(f"{msg}: name a folder elsewhere")
    try:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        is_new = not any(_SEGMENT.fullmatch(path.name) for path in wanted.iterdir())
        account.give(wanted)
    except OSError as error:
        raise EmbeddedPostgresError(f"--archive-dir {wanted}: {error.strerror}") from None
    if not is_new:
        msg = (
            f"{wanted} holds the WAL of another database, or of this one before it was restored: "
            "name an empty folder with --archive-dir, and make a backup then"
        )
        raise EmbeddedPostgresError(msg)
    write_private(data_dir / REMEMBERED, f"{wanted}\n")
    return wanted


def archive_settings(archive: Path | None) -> dict[str, str]:
    """Return PostgreSQL's settings that archive there, or nowhere."""
    if archive is None:
        return {"archive_mode": "off"}
    return {
        "archive_mode": "on",
        "archive_command": quote(_command("store", '"%p"', f'{_escape(archive)}/"%f"')),
        "archive_timeout": str(ARCHIVE_TIMEOUT_S),
    }


def recovery_settings(archive: Path, target_time: str | None) -> dict[str, str]:
    """Return PostgreSQL's settings that recover from an archive.

    Args:
        archive: what WAL comes from.
        target_time: instant with its offset, in PostgreSQL's format; None for all there is.
    """
    settings = {
        "restore_command": quote(_command("fetch", f'{_escape(archive)}/"%f"', '"%p"')),
        "recovery_target_action": "'promote'",
        "hot_standby": "off",  # ready means recovered, not readable meanwhile
    }
    if target_time is not None:
        settings["recovery_target_time"] = quote(target_time)
    return settings


def check_archive(archive: Path, *, system: int, timeline: int, first: int) -> None:
    """Refuse an archive from which a backup cannot be brought forward without a gap.

    PostgreSQL itself would take a missing file for the end of everything.

    Args:
        archive: folder of `archive_settings`.
        system: identifier of the backup's cluster.
        timeline: of the backup.
        first: number of the first segment that the backup does not hold itself.

    Raises:
        EmbeddedPostgresError: it is missing, another cluster's, or a file is missing in it.
    """
    numbers = segment_numbers([path.name for path in _files(archive)], timeline)
    if not numbers:
        msg = f"{archive} holds no WAL that goes with the backup: check --archive-dir"
        raise EmbeddedPostgresError(msg)
    newest = archive / f"{segment_name(timeline, numbers[-1])}.gz"
    if _system_of(newest) != system:
        raise EmbeddedPostgresError(f"{archive} is the archive of another database")
    missing = first_missing(numbers, first)
    if missing is not None:
        msg = (
            f"{archive} lacks {segment_name(timeline, missing)}.gz between the backup and its end: "
            "put it back, use a later backup, or restore the backup without --archive-dir"
        )
        raise EmbeddedPostgresError(msg)


def segment_numbers(names: Sequence[str], timeline: int) -> list[int]:
    """Find the segments of a timeline among files' names; ascending. Pure."""
    found = []
    for name in names:
        match = _SEGMENT.fullmatch(name)
        if match and int(match[1], 16) == timeline:
            found.append(int(match[2], 16) * _SEGMENTS_PER_LOG + int(match[3], 16))
    return sorted(found)


def first_missing(numbers: Sequence[int], first: int) -> int | None:
    """Find the first segment from `first` on that is missing before a later one. Pure.

    Args:
        numbers: ascending.
        first: what must be there if anything as late is.
    """
    expected = first
    for number in numbers:
        if number > expected:
            return expected
        if number == expected:
            expected += 1
    return None


def segment_name(timeline: int, number: int) -> str:
    """Write a segment's name, e.g. 0000000100000002000000FF. Pure."""
    log, rest = divmod(number, _SEGMENTS_PER_LOG)
    return f"{timeline:08X}{log:08X}{rest:08X}"


def segment_ending_at(position: str) -> int:
    """Give the number of the segment that holds the byte before a WAL position, e.g. "2/3000148".

    Pure.
    """
    high, _, low = position.partition("/")
    return ((int(high, 16) << 32) + int(low, 16) - 1) // SEGMENT_BYTES


def quote(text: str) -> str:
    """Write a value for a configuration file of PostgreSQL. Pure."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"


def _command(action: str, *words: str) -> str:
    program = (sys.executable, "-I", "-S", embedded_archive.__file__, action)
    return " ".join((*(shlex.quote(word).replace("%", "%%") for word in program), *words))


def _escape(path: Path) -> str:
    return shlex.quote(str(path)).replace("%", "%%")


def _files(archive: Path) -> list[Path]:
    try:
        return list(archive.iterdir())
    except OSError as error:
        raise EmbeddedPostgresError(f"--archive-dir {archive}: {error.strerror}") from None


def _system_of(segment: Path) -> int:
    try:
        with gzip.open(segment, "rb") as file:
            return int(struct.unpack_from("=Q", file.read(_SYSTEM_AT + 8), _SYSTEM_AT)[0])
    except (OSError, EOFError, zlib.error, struct.error) as error:
        raise EmbeddedPostgresError(f"{segment} cannot be read: {error}") from None
