"""Which files of a folder are scripts, and which are not."""

import os
from pathlib import Path

import pytest

from fhirserver_conformance.script.discover import SuiteError, read_suite
from fhirserver_conformance.script.model import BrokenScript, Script

SCRIPT = b"""{"resourceType": "TestScript", "name": "some",
    "test": [{"action": [{"operation": {"type": {"code": "capabilities"}}}]}]}"""
XML = b"""<TestScript xmlns="http://hl7.org/fhir"><name value="some"/><test><action><operation>
    <type><code value="capabilities"/></type></operation></action></test></TestScript>"""
USING = b"""{"resourceType": "TestScript", "name": "using",
    "fixture": [{"id": "some", "resource": {"reference": "%s"}}],
    "test": [{"action": [{"operation": {"type": {"code": "create"}, "sourceId": "some"}}]}]}"""

READ, BROKEN, PASSED_OVER = "read", "broken", "passed over"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param("a.json", SCRIPT, READ, id="JSON"),
        pytest.param("a.xml", XML, READ, id="XML"),
        pytest.param("deep/er/a.JSON", SCRIPT, READ, id="in-a-folder-of-a-folder"),
        pytest.param("a.json", b"\xef\xbb\xbf" + SCRIPT, READ, id="byte-order-mark"),
        pytest.param("a.json", XML, READ, id="XML-that-is-called-JSON"),
        pytest.param("a.json", b'{"resourceType": ', BROKEN, id="JSON-cut-short"),
        pytest.param("a.json", b'{"a": 1, "a": 2}', BROKEN, id="key-that-stands-twice"),
        pytest.param("a.json", b"\xff\xfe{}", BROKEN, id="not-UTF-8"),
        pytest.param("a.json", b"[" * 5000, BROKEN, id="nested-too-deep"),
        pytest.param("a.xml", b"<TestScript", BROKEN, id="XML-cut-short"),
        pytest.param(
            "a.xml",
            b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/hostname">]>' + XML,
            BROKEN,
            id="document-type",
        ),
        pytest.param("a.json", b'{"resourceType": "TestScript"}', BROKEN, id="script-of-nothing"),
        pytest.param("a.json", b'{"resourceType": "TestReport"}', PASSED_OVER, id="report"),
        pytest.param("a.json", b'{"some": "settings"}', PASSED_OVER, id="no-resource"),
        pytest.param("a.json", b"[1, 2]", PASSED_OVER, id="list"),
        pytest.param("a.xml", b'<Patient xmlns="http://hl7.org/fhir"/>', PASSED_OVER, id="patient"),
        pytest.param("a.xml", b"<TestScript/>", PASSED_OVER, id="of-no-namespace"),
        pytest.param("a.txt", SCRIPT, PASSED_OVER, id="other-ending"),
        pytest.param(".a.json", SCRIPT, PASSED_OVER, id="hidden"),
        pytest.param(".git/a.json", SCRIPT, PASSED_OVER, id="in-a-hidden-folder"),
    ],
)
def test_files_of_a_folder(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    _write(tmp_path, {"always.json": SCRIPT, name: content})

    found = {script.source: script for script in read_suite(tmp_path).scripts}

    assert isinstance(found.pop("always.json"), Script)
    kinds = {Script: READ, BrokenScript: BROKEN}
    assert [kinds[type(each)] for each in found.values()] == (
        [] if expected == PASSED_OVER else [expected]
    )


def test_scripts_come_by_their_paths_and_know_their_suite(tmp_path: Path) -> None:
    _write(tmp_path, {"b.json": SCRIPT, "a/z.xml": XML, "a.json": SCRIPT})

    suite = read_suite(tmp_path, "some suite")

    assert suite.name == "some suite"
    assert suite.root == tmp_path
    assert [script.source for script in suite.scripts] == ["a/z.xml", "a.json", "b.json"]
    assert {script.suite for script in suite.scripts} == {"some suite"}


def test_what_a_script_uses_is_no_script(tmp_path: Path) -> None:
    _write(
        tmp_path,
        {
            "a.json": USING % b"unquoted.json",
            "b.json": USING % b"script.json",
            "script.json": SCRIPT,
            "unquoted.json": b'{"resourceType": "Patient", "active": ${active}}',
        },
    )

    assert [script.source for script in read_suite(tmp_path).scripts] == ["a.json", "b.json"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        pytest.param("a.json", SCRIPT, Script, id="a-script"),
        pytest.param("a.json", USING % b"a.json", Script, id="a-script-that-sends-itself"),
        pytest.param("a.txt", SCRIPT, Script, id="whatever-its-ending"),
        pytest.param("a.json", b"{", BrokenScript, id="what-cannot-be-parsed"),
    ],
)
def test_a_file_named_by_itself(
    tmp_path: Path, name: str, content: bytes, expected: type[object]
) -> None:
    _write(tmp_path, {name: content, "other.json": SCRIPT})

    suite = read_suite(tmp_path / name)

    assert suite.name == "a"
    assert [type(script) for script in suite.scripts] == [expected]
    assert suite.scripts[0].source == name


@pytest.mark.parametrize(
    ("files", "path", "said"),
    [
        pytest.param({}, "absent", "no such file or folder", id="not-there"),
        pytest.param({}, "a\0b", "no such file or folder", id="no-name-of-a-file"),
        pytest.param({}, "", "holds no TestScript", id="empty-folder"),
        pytest.param({"a.json": b"{}"}, "", "holds no TestScript", id="folder-without-scripts"),
        pytest.param({"a.json": b"{}"}, "a.json", "is no TestScript", id="file-that-is-no-script"),
    ],
)
def test_a_suite_that_cannot_be_had(
    tmp_path: Path, files: dict[str, bytes], path: str, said: str
) -> None:
    _write(tmp_path, files)

    with pytest.raises(SuiteError, match=said):
        read_suite(tmp_path / path)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    _write(tmp_path, {"a.json": SCRIPT})
    os.mkfifo(tmp_path / "pipe.json")

    assert [script.source for script in read_suite(tmp_path).scripts] == ["a.json"]
    with pytest.raises(SuiteError):
        read_suite(tmp_path / "pipe.json")


def _write(root: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
