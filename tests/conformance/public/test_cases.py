"""What suites are made of: verdicts, quotations, and files that are not as they should be.

Spec: https://hl7.org/fhir/R4/testreport.html
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.engine.settings import RunSettings, Target
from fhirserver_conformance.public.cases import (
    DataError,
    Site,
    as_script,
    case,
    checked,
    encoded,
    found_in,
    next_link,
    read_json,
    read_json_lines,
    skipped,
)
from fhirserver_conformance.results import TestResult
from fhirserver_conformance.transport import Transport

SITE = Site(
    Path("nowhere"),
    RunSettings((Target("http://127.0.0.1:9/fhir"),), Transport()),
    {"rest": [{"operation": [{"name": "$a"}], "resource": [{"operation": [{"name": "b"}]}]}]},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("name=a b", "name=a%20b", id="a space is encoded"),
        pytest.param("a=x|y[z]", "a=x%7Cy%5Bz%5D", id="bar and brackets are encoded"),
        pytest.param("a=%7C&b=1,2", "a=%7C&b=1,2", id="what is encoded stays as it is"),
    ],
)
def test_encoding(text: str, expected: str) -> None:
    assert encoded(text) == expected


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ([], None),
        ([{"relation": "self", "url": "s"}], None),
        ([{"relation": "self", "url": "s"}, {"relation": "next", "url": "n"}], "n"),
    ],
    ids=["no links", "self alone", "next"],
)
def test_next_link(link: list[dict[str, str]], expected: str | None) -> None:
    assert next_link({"link": link}) == expected


def test_an_entry_without_a_mode_is_a_match_and_an_outcome_is_neither() -> None:
    modes = [None, "match", "include", "outcome"]
    entries = [
        {"resource": {"id": str(mode)}, **({"search": {"mode": mode}} if mode else {})}
        for mode in modes
    ]
    found = [each["id"] for each in found_in({"entry": [*entries, {}]}, "match", "include")]
    assert found == ["None", "match", "include"]


def test_an_operation_is_declared_for_the_system_or_for_a_type() -> None:
    assert [SITE.declares(name) for name in ("a", "b", "c")] == [True, True, False]


def test_the_worst_action_gives_verdict_and_message() -> None:
    good, advice, bad = (
        checked("x", None),
        checked("y", "hm", otherwise="warning"),
        checked("z", "no"),
    )
    found = [case("n", "", *each) for each in ((good,), (good, advice), (advice, bad, good))]
    assert [(each.verdict, each.message) for each in found] == [
        ("pass", ""),
        ("warning", "hm"),
        ("fail", "no"),
    ]


def _no_answer() -> Iterator[TestResult]:
    raise DataError("cases.json cannot be read")
    yield skipped("never", "")


def _another_shape() -> Iterator[TestResult]:
    yield skipped("first", "reason")
    yield skipped({}["name"], "reason")  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("cases", "message"),
    [
        pytest.param(_no_answer, "cases.json cannot be read", id="a file that cannot be read"),
        pytest.param(_another_shape, "cases.json is not as", id="a file of another shape"),
    ],
)
def test_broken_files_become_an_error_of_the_whole(
    cases: Callable[[], Iterator[TestResult]], message: str
) -> None:
    result = as_script(SITE, "s", "cases.json", cases)
    assert result.verdict == "error"
    assert message in result.message


@pytest.mark.parametrize("read", [read_json, read_json_lines], ids=["JSON", "JSON lines"])
@pytest.mark.parametrize("content", [None, b"{", b"\xff"], ids=["missing", "cut", "not UTF-8"])
def test_files_that_cannot_be_read(
    read: Callable[[Path], Any], content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "cases.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"cases\.json cannot be read"):
        read(path)
