"""Whoever restores owns the folder, and nobody starts on what a killed restore has left."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fhirserver.store.embedded import EmbeddedPostgres, EmbeddedPostgresError
from fhirserver.store.embedded_restoring import RESTORING, begin_restore


def stop_at_nothing(data_dir: Path) -> None:
    with EmbeddedPostgres(data_dir):
        pass


@pytest.mark.parametrize("left", ["", "postgres.new", "postgres"])
def test_what_a_killed_restore_left_is_not_taken_for_a_database(tmp_path: Path, left: str) -> None:
    begin_restore(tmp_path)
    (tmp_path / left).mkdir(exist_ok=True)
    for start in (stop_at_nothing, begin_restore):
        with pytest.raises(EmbeddedPostgresError, match="empty the folder and restore again"):
            start(tmp_path)
    assert not (tmp_path / "postgres" / "PG_VERSION").exists()


@pytest.mark.parametrize(
    "come",
    [
        pytest.param(lambda place: (place / "postgres.lock").touch(), id="starting"),
        pytest.param(lambda place: (place / "postgres").mkdir(), id="there"),
    ],
)
def test_a_restore_leaves_a_database_alone_that_came_meanwhile(
    tmp_path: Path, come: Callable[[Path], None]
) -> None:
    come(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(EmbeddedPostgresError, match="is not empty: move it away"):
        begin_restore(tmp_path)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_is_made_and_claimed(tmp_path: Path) -> None:
    sign = begin_restore(tmp_path / "a" / "b")
    assert sign.name == RESTORING
    sign.unlink()
    assert begin_restore(tmp_path / "a" / "b") == sign
