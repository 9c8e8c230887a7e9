"""Reading files of resources: formats, packing, order, places."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from fhirserver.commands.sources import UnreadableError, find_sources, read_items
from fhirserver.errors import MalformedBodyError

LINES = b'{"resourceType":"Patient"}\n\n{"resourceType":"Group"}\n'
MIDDLE = b"1" * 100_000 + b"2" + b"1" * 99_999
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
    (source,) = find_sources([str(file)]).sources
    items = list(read_items(source))
    assert [(item.place, item.raw.strip()) for item in items] == [
        (f"all.ndjson{packing}:1", b'{"resourceType":"Patient"}'),
        (f"all.ndjson{packing}:3", b'{"resourceType":"Group"}'),
    ]


def test_a_zstandard_file_of_several_frames_is_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "all.ndjson.zst"
    file.write_bytes(zstandard.compress(LINES) + zstandard.compress(LINES))
    assert len(list(read_items(find_sources([str(file)]).sources[0]))) == 4


@pytest.mark.parametrize("packing", PACKERS)
def test_a_json_file_is_one_item_however_many_lines_it_has(tmp_path: Path, packing: str) -> None:
    file = tmp_path / f"one.json{packing}"
    file.write_bytes(PACKERS[packing](b"{\n}\n"))
    items = list(read_items(find_sources([str(file)]).sources[0]))
    assert [(item.place, item.raw) for item in items] == [(f"one.json{packing}", b"{\n}\n")]


def test_a_directory_gives_its_files_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.json", "a.ndjson.gz", "readme.txt", "sub/c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = find_sources([str(tmp_path)])
    assert [Path(source.name).name for source in found.sources] == [
        "a.ndjson.gz",
        "b.json",
        "c.json",
    ]
    assert found.left_out == [f"{tmp_path / 'readme.txt'}"]


def test_a_link_to_a_directory_is_named_as_left_out(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.json").write_bytes(b"{}")
    (folder / "around").symlink_to(tmp_path)
    found = find_sources([str(folder)])
    assert len(found.sources) == 1
    assert found.left_out == [f"{folder / 'around'} (no regular file)"]


def test_a_source_key_follows_the_content(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    keys = set()
    for content in (b"1", b"2", b"1" * 200_000, b"1" * 199_999 + b"2", MIDDLE):
        file.write_bytes(content)
        keys.add(find_sources([str(file)]).sources[0].key())
    assert len(keys) == 5


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


@pytest.mark.parametrize("packing", [packing for packing in PACKERS if packing])
@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("name", ["all.ndjson", "one.json"])
def test_a_packed_file_that_is_cut_off_is_no_whole_file(
    tmp_path: Path, packing: str, share: float, name: str
) -> None:
    file = tmp_path / f"{name}{packing}"
    packed = PACKERS[packing](b"".join(b"%064x\n" % (7**number) for number in range(3000)))
    file.write_bytes(packed[: int(len(packed) * share)])
    with pytest.raises(UnreadableError, match=rf"{name}\{packing}.* cut off"):
        list(read_items(find_sources([str(file)]).sources[0]))


@pytest.mark.parametrize("packing", [packing for packing in PACKERS if packing])
def test_a_file_that_is_not_packed_as_its_name_says_is_refused(
    tmp_path: Path, packing: str
) -> None:
    file = tmp_path / f"all.ndjson{packing}"
    file.write_bytes(LINES)
    with pytest.raises(UnreadableError, match="cannot be read"):
        list(read_items(find_sources([str(file)]).sources[0]))


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        pytest.param(b'{"resourceType":\n', "line 3, column 17", id="cut off"),
        pytest.param(b'{"a": 1,}\r\n', "line 3, column 9", id="comma"),
        pytest.param(b"\x00\x01\xff\n", "line 3, column 3", id="binary"),
        pytest.param(b'{"a": "\\ud800"}\n', "line 3, column 8", id="half a surrogate pair"),
    ],
)
def test_a_broken_line_is_named_by_its_number_in_the_file(
    tmp_path: Path, broken: bytes, place: str
) -> None:
    file = tmp_path / "all.ndjson"
    file.write_bytes(b"{}\n\n" + broken + b"{}\n")
    broken_item = list(read_items(find_sources([str(file)]).sources[0]))[1]
    with pytest.raises(MalformedBodyError, match=place):
        broken_item.parse()


def test_xml_is_read_as_the_same_resource(tmp_path: Path) -> None:
    file = tmp_path / "a.xml.gz"
    xml = b'<Patient xmlns="http://hl7.org/fhir"><active value="true"/></Patient>'
    file.write_bytes(gzip.compress(xml))
    (item,) = read_items(find_sources([str(file)]).sources[0])
    assert item.parse() == {"resourceType": "Patient", "active": True}
