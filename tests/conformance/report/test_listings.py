"""JUnit, JSON lines, the counts, and what is written to a terminal."""

import io
import re
import xml.etree.ElementTree as ET

import pytest

from fhirserver.model.json import parse_json
from fhirserver_conformance.report.json_lines import json_lines
from fhirserver_conformance.report.junit import junit
from fhirserver_conformance.report.progress import Progress, summary
from fhirserver_conformance.report.tally import Tally, counts_in_words, percent_in_words
from fhirserver_conformance.report.text import in_a_line, shown
from fhirserver_conformance.results import ScriptResult
from tests.conformance.report import samples
from tests.conformance.report.samples import case, check, script


class Terminal(io.StringIO):
    """Takes itself for one."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\tb\r\nc ü 😀", "a\tb\r\nc ü 😀", id="what XML and FHIR allow"),
        pytest.param("\x00\x07\x1b\x1f\x7f", "␀␇␛␟␡", id="control characters as pictures"),
        pytest.param("\x80\x85\x9f\ud800\udfff\ufffe\uffff", "�" * 7, id="what no file may hold"),
        pytest.param("x" * 9, "x" * 8 + "…", id="too long"),
    ],
)
def test_text_is_made_fit_to_be_shown(text: str, expected: str) -> None:
    assert shown(text, limit=8 if text == "x" * 9 else 100) == expected
    assert len(in_a_line(f"{text}\n\n\n{text}").splitlines()) == 1


@pytest.mark.parametrize(
    ("counts", "rate", "words"),
    [
        pytest.param({}, "–", "no tests", id="nothing"),
        pytest.param({"skip": 3}, "–", "3 skipped", id="skips only"),
        pytest.param({"pass": 9999, "fail": 1}, "99.9 %", "9,999 passed, 1 failed", id="not all"),
        pytest.param({"pass": 1, "warning": 1}, "100 %", "1 passed, 1 with a warning", id="advice"),
        pytest.param({"fail": 1, "error": 1}, "0 %", "1 failed, 1 in error", id="none"),
    ],
)
def test_counts(counts: dict[str, int], rate: str, words: str) -> None:
    tallied = Tally(counts)
    assert (percent_in_words(tallied), counts_in_words(tallied)) == (rate, words)


def test_junit_says_what_the_results_say() -> None:
    root = ET.fromstring(junit(samples.EVERY, "all"))
    assert root.attrib | {"time": ""} == {
        "name": "all",
        "tests": "11",
        "failures": "2",
        "errors": "3",
        "skipped": "2",
        "time": "",
    }
    mixed = root[1]
    assert mixed.attrib == {
        "name": "crud/mixed.json",
        "tests": "5",
        "failures": "1",
        "errors": "1",
        "skipped": "1",
        "time": "1.500",
        "timestamp": "2026-03-01T12:30:00+00:00",
    }
    outcomes = {each.get("name"): [(part.tag, part.text) for part in each] for each in mixed[1:]}
    assert outcomes == {
        "passes": [],
        "warns": [("system-out", "warning: no ETag")],
        "skips": [("skipped", "needs vread")],
        "fails": [("failure", "expected 200, found 400")],
        "dies": [("error", "connection reset")],
    }
    assert {each.get("time") for each in mixed.iter("testcase")} == {"0.250", "0.000"}


def test_json_lines_have_a_line_per_case() -> None:
    lines = [parse_json(line) for line in json_lines(samples.EVERY)]
    assert [(line["script"], line["case"], line["verdict"]) for line in lines[:7]] == [
        ("update.json", "updates", "pass"),
        ("mixed.json", "passes", "pass"),
        ("mixed.json", "warns", "warning"),
        ("mixed.json", "skips", "skip"),
        ("mixed.json", "fails", "fail"),
        ("mixed.json", "dies", "error"),
        ("skipped.json", "skips", "skip"),
    ]
    assert lines[4] == {
        "suite": "crud",
        "script": "mixed.json",
        "case": "fails",
        "verdict": "fail",
        "reason": "expected 200, found 400",
        "requirements": ["STO-03", "https://hl7.org/fhir/R4/http.html#update"],
    }
    assert [(line["case"], line["verdict"]) for line in lines if line["suite"] == "leftovers"] == [
        ("passes", "pass"),
        ("teardown", "error"),
    ]


def told(
    results: list[ScriptResult],
    stream: io.StringIO,
    *,
    quiet: bool = False,
    total: int | None = None,
) -> str:
    progress = Progress(stream, quiet=quiet, total=total)
    for result in results:
        progress(result)
    return stream.getvalue()


def test_progress_tells_of_failures_at_once() -> None:
    assert told([samples.PASSED, samples.MIXED, samples.BROKEN], io.StringIO(), total=3) == (
        "pass    1/3 crud/update.json  1 passed  1.5 s\n"
        "error   2/3 crud/mixed.json  "
        "1 passed, 1 with a warning, 1 skipped, 1 failed, 1 in error  1.5 s\n"
        "        warning warns: no ETag\n"
        "        fail    fails: expected 200, found 400\n"
        "        error   dies: connection reset\n"
        "error   3/3 crud/broken.json  1 in error  1.5 s\n"
        "        error   the whole script: TestScript.test[0]: has no action\n"
    )


def test_quiet_progress_says_nothing() -> None:
    assert told([*samples.EVERY], io.StringIO(), quiet=True) == ""


def test_a_script_with_many_failures_does_not_flood() -> None:
    many = script(*(case(f"{number}", check("fail", "no")) for number in range(50)))
    lines = told([many], io.StringIO()).splitlines()
    assert len(lines) == 22
    assert lines[-1].strip() == "and 30 more"


def test_a_server_cannot_speak_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Colours are ours; where there is no terminal, and with NO_COLOR, there are none."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = told([samples.ATTACK], Terminal())
    assert re.sub(r"\x1b\[(31|0)m|\n", "", coloured).isprintable()
    assert "␛]0;owned␇" in coloured
    assert "\x1b[31mfail" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    for stream in (Terminal(), io.StringIO()):
        assert told([samples.ATTACK], stream).replace("\n", "").isprintable()


def test_the_table_at_the_end() -> None:
    assert summary([samples.PASSED, samples.MIXED, samples.SKIPPED, samples.LEFTOVERS]) == (
        "suite        rate  passed  with a warning  skipped  failed  in error\n"
        "crud         60 %       2               1        2       1         1\n"
        "leftovers    50 %       1               0        0       0         1\n"
        "all        57.1 %       3               1        2       1         2\n"
    )
