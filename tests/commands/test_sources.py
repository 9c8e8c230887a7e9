"""Reading files of resources: formats, packing, order, places."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from fhirserver.commands.sources import find_sources, read_items

LINES = b'{"resourceType":"Patient"}\n\n{"resourceType":"Group"}\n'
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": zstandard.compress,
}


@pytest.mark.parametrize("packing", PACKERS)
def test_lines_of_every_packing_are_read_with_their_places(tmp_path: Path, packing: str) -> None:
    file = tmp_path / f"all.ndjson{packing}"
    file.write_bytes(PACKERS[packing](LINES))
    (source,) = find_sources([str(file)])
    items = list(read_items(source))
    assert [(item.place, item.raw.strip()) for item in items] == [
        (f"all.ndjson{packing}:1", b'{"resourceType":"Patient"}'),
        (f"all.ndjson{packing}:3", b'{"resourceType":"Group"}'),
    ]


def test_a_zstandard_file_of_several_frames_is_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "all.ndjson.zst"
    file.write_bytes(zstandard.compress(LINES) + zstandard.compress(LINES))
    assert len(list(read_items(find_sources([str(file)])[0]))) == 4


@pytest.mark.parametrize("packing", PACKERS)
def test_a_json_file_is_one_item_however_many_lines_it_has(tmp_path: Path, packing: str) -> None:
    file = tmp_path / f"one.json{packing}"
    file.write_bytes(PACKERS[packing](b"{\n}\n"))
    items = list(read_items(find_sources([str(file)])[0]))
    assert [(item.place, item.raw) for item in items] == [(f"one.json{packing}", b"{\n}\n")]


def test_a_directory_gives_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.json", "a.ndjson.gz", "readme.txt", "sub/c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    names = [Path(source.name).name for source in find_sources([str(tmp_path)])]
    assert names == ["a.ndjson.gz", "b.json", "c.json"]


def test_a_source_key_follows_the_content(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    keys = set()
    for content in (b"1", b"2", b"1" * 200_000, b"1" * 199_999 + b"2"):
        file.write_bytes(content)
        keys.add(find_sources([str(file)])[0].key)
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("name", "error"),
    [("missing.json", FileNotFoundError), ("table.csv", ValueError), ("empty", FileNotFoundError)],
)
def test_a_path_that_cannot_be_read_is_refused(
    tmp_path: Path, name: str, error: type[Exception]
) -> None:
    (tmp_path / "table.csv").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    with pytest.raises(error):
        find_sources([str(tmp_path / name)])
