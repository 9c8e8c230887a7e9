"""A file that has changed is taken up when it is sound and says that it is another. DEV-29."""

from __future__ import annotations

from pathlib import Path

import pytest

from fhirserver_device_bridge.config.document import ConfigError, Document
from fhirserver_device_bridge.config.kept_files import KeptFiles

FIRST = 'version: "1"\nrows: 7\n'


def rows(document: Document) -> int:
    if not isinstance(document.value.get("rows"), int):
        raise document.error(("rows",), "is no number")
    return int(document.value["rows"])


CHANGES = {
    "another version": ('version: "2"\nrows: 8\n', 8, "version 2 is taken up"),
    "no other version": ('version: "1"\nrows: 8\n', 7, "1: version: its rows have changed"),
    "a fault": ('version: "2"\nrows: x\n', 7, ":2: rows: is no number"),
    "no YAML": ('version: "2"\nrows: [\n', 7, ":3: no YAML"),
    "a list as key": ('version: "2"\n[a]: 1\n', 7, ":2: no YAML"),
    "too deep": ("[" * 5000, 7, "nested too deeply"),
    "gone": (None, 7, "cannot be read"),
    "a comment": (f"# mine\n{FIRST}", 7, None),
}


@pytest.mark.parametrize(
    ("text", "after", "told"), [pytest.param(*row, id=name) for name, row in CHANGES.items()]
)
def test_a_file_changes(tmp_path: Path, text: str | None, after: int, told: str | None) -> None:
    file = tmp_path / "rows.yaml"
    file.write_text(FIRST, "utf-8")
    kept = KeptFiles(rows)
    assert kept.get(file) == 7
    assert list(kept.refresh()) == []
    if text is None:
        file.unlink()
    else:
        file.write_text(text, "utf-8")
    said = [str(each) for each in kept.refresh()]
    assert [told in each for each in said] == ([True] if told else []), said
    assert kept.get(file) == after
    assert list(kept.refresh()) == []
    file.write_text('version: "3"\nrows: 9\n', "utf-8")
    assert len(list(kept.refresh())) == 1
    assert kept.get(file) == 9


def test_a_file_that_has_never_been_sound_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "rows.yaml"
    kept = KeptFiles(rows)
    with pytest.raises(ConfigError):
        kept.get(file)
    file.write_text(FIRST, "utf-8")
    assert kept.get(file) == 7
