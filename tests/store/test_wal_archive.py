"""The WAL archive: its program keeps every file whole, and gaps are seen before recovery."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from fhirserver.store import embedded_archive
from fhirserver.store.embedded_account import Account, EmbeddedPostgresError
from fhirserver.store.wal_archive import (
    archive_settings,
    choose_archive,
    first_missing,
    remembered_archive,
    segment_ending_at,
    segment_name,
    segment_numbers,
)

NAME = "000000010000000000000003"


def run(*words: str | Path) -> int:
    program = (sys.executable, "-I", "-S", embedded_archive.__file__)
    return subprocess.run([*program, *words], capture_output=True, check=False).returncode


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """An archive with one file, whose content is b"first"."""
    made = tmp_path / "archive"
    made.mkdir()
    (tmp_path / "first").write_bytes(b"first")
    (tmp_path / "other").write_bytes(b"other")
    assert run("store", tmp_path / "first", made / NAME) == 0
    return made


def test_a_file_comes_back_as_it_was_and_is_private(archive: Path, tmp_path: Path) -> None:
    assert run("fetch", archive / NAME, tmp_path / "back") == 0
    assert (tmp_path / "back").read_bytes() == b"first"
    assert [path.name for path in archive.iterdir()] == [f"{NAME}.gz"]
    assert (archive / f"{NAME}.gz").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param("first", 0, id="the-same-again-is-done"),
        pytest.param("other", 1, id="another-of-the-same-name-is-refused"),
    ],
)
def test_what_is_archived_is_never_replaced(
    archive: Path, tmp_path: Path, content: str, code: int
) -> None:
    assert run("store", tmp_path / content, archive / NAME) == code
    assert gzip.decompress((archive / f"{NAME}.gz").read_bytes()) == b"first"


def test_what_a_killed_archiver_left_is_no_obstacle(archive: Path, tmp_path: Path) -> None:
    later = NAME.replace("3", "4")
    (archive / f".{later}.gz.part").write_bytes(b"half")
    assert run("fetch", archive / later, tmp_path / "back") == 1
    assert run("store", tmp_path / "other", archive / later) == 0
    assert run("fetch", archive / later, tmp_path / "back") == 0
    assert (tmp_path / "back").read_bytes() == b"other"


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        pytest.param(lambda file: file.unlink(), 1, id="missing-is-the-end"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:-6]), 200, id="cut-off"),
        pytest.param(lambda file: file.write_bytes(b"x" * 40), 200, id="not-packed"),
        pytest.param(lambda file: file.parent.rename(file.parent.with_name("x")), 200, id="gone"),
    ],
)
def test_recovery_ends_early_for_nothing_but_a_missing_file(
    archive: Path, tmp_path: Path, damage: object, code: int
) -> None:
    """PostgreSQL takes 1 for the end of the archive, and gives up for 200."""
    damage(archive / f"{NAME}.gz")  # type: ignore[operator] - a function of the table above
    assert run("fetch", archive / NAME, tmp_path / "back") == code


@pytest.mark.parametrize(
    ("numbers", "first", "missing"),
    [
        pytest.param([4, 5, 6], 4, None, id="all-there"),
        pytest.param([2, 3, 4], 4, None, id="older-ones-do-not-matter"),
        pytest.param([2, 3], 4, None, id="nothing-since-the-backup"),
        pytest.param([5, 6], 4, 4, id="begins-too-late"),
        pytest.param([4, 6, 7], 4, 5, id="gap"),
    ],
)
def test_the_first_gap_is_found(numbers: list[int], first: int, missing: int | None) -> None:
    assert first_missing(numbers, first) == missing


def test_segments_are_numbered_across_logs() -> None:
    names = [f"{segment_name(1, number)}.gz" for number in (257, 255, 256)]
    assert names[0] == "000000010000000100000001.gz"
    others = [f"{segment_name(2, 9)}.gz", "00000002.history.gz", f"{NAME}.00000028.backup.gz"]
    assert segment_numbers([*names, *others], 1) == [255, 256, 257]


@pytest.mark.parametrize(
    ("position", "segment"),
    [("0/3000148", 3), ("0/4000000", 3), ("0/4000001", 4), ("1/1000148", 257)],
)
def test_a_position_is_in_the_segment_of_the_byte_before_it(position: str, segment: int) -> None:
    assert segment_ending_at(position) == segment


def test_an_archive_is_remembered_and_belongs_to_one_life(archive: Path, tmp_path: Path) -> None:
    data_dir, account = tmp_path, Account(tmp_path)
    assert archive_settings(choose_archive(data_dir, None, account)) == {"archive_mode": "off"}
    with pytest.raises(EmbeddedPostgresError, match="name an empty folder with --archive-dir"):
        choose_archive(data_dir, archive, account)
    with pytest.raises(EmbeddedPostgresError, match="lies in the database itself"):
        choose_archive(data_dir, data_dir / "postgres" / "archive", account)
    fresh = tmp_path / "below" / "it's 100%"
    assert choose_archive(data_dir, fresh, account) == fresh
    (fresh / f"{NAME}.gz").touch()
    assert choose_archive(data_dir, fresh, account) == fresh, "its own files are no obstacle"
    assert choose_archive(data_dir, None, account) == remembered_archive(data_dir) == fresh
