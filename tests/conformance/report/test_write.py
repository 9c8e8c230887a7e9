"""Reports appear in their folder whole or not at all."""

from datetime import datetime
from pathlib import Path

import pytest

from fhirserver.model.json import parse_json
from fhirserver_conformance.report import write
from fhirserver_conformance.report.test_report import report_id
from fhirserver_conformance.results import ScriptResult
from tests.conformance.report import samples


def wrote(folder: Path, *results: ScriptResult) -> set[str]:
    write.write_reports(results, folder, title="all", tester="a test", clock=clock)
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def clock() -> datetime:
    return samples.ISSUED


def test_every_report_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "too"
    reports = {f"TestReport/{report_id(result)}.json" for result in samples.EVERY}
    assert wrote(folder, *samples.EVERY) == {
        "index.html",
        "junit.xml",
        "results.jsonl",
        *reports,
    }
    report = parse_json((folder / "TestReport" / f"{report_id(samples.MIXED)}.json").read_bytes())
    assert report["issued"] == "2026-03-01T12:30:00.000+00:00"
    assert len((folder / "results.jsonl").read_bytes().splitlines()) == 11


def test_reports_of_an_earlier_run_go(tmp_path: Path) -> None:
    """What somebody else has put there stays."""
    wrote(tmp_path, samples.MIXED, samples.PASSED)
    (tmp_path / "TestReport" / "notes.json").write_text("mine")
    assert wrote(tmp_path, samples.PASSED) == {
        "index.html",
        "junit.xml",
        "results.jsonl",
        f"TestReport/{report_id(samples.PASSED)}.json",
        "TestReport/notes.json",
    }


@pytest.mark.parametrize("made", ["file", "file/below"], ids=["is a file", "below a file"])
def test_a_folder_that_cannot_be_written_is_named(made: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = tmp_path / made
    with pytest.raises(write.ReportError, match=r"file.*with --report"):
        write.prepare_folder(folder)


def test_what_cannot_be_finished_is_taken_away(tmp_path: Path) -> None:
    """A folder stands where a file should: nothing partial is left, and the place is named."""
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(write.ReportError, match=r"junit\.xml"):
        wrote(tmp_path, samples.PASSED)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "junit.xml"]
