"""docs/conformance/smart.md names every assertion, and tests that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.docs.smart_matrix import TABLE, page
from tests.docs.test_docs import ROOT, functions

ROWS = [
    pytest.param(shown, id=f"{group}/{name}")
    for group, rows in json.loads(TABLE.read_text("utf-8")).items()
    for name, (_, shown) in rows.items()
]


@pytest.mark.parametrize("shown", ROWS)
def test_each_assertion_has_tests_that_exist_or_a_reason(shown: list[str] | str) -> None:
    assert shown
    for each in shown if isinstance(shown, list) else ():
        match = re.fullmatch(r"([a-z_0-9/]+\.py)::([a-z_0-9]+)", each)
        assert match is not None, each
        assert match[2] in functions(ROOT / "tests" / match[1]), each


def test_the_page_is_what_is_made_of_the_assertions(test_data: Path) -> None:
    written = (ROOT / "docs" / "conformance" / "smart.md").read_text("utf-8")
    assert written == page(test_data), "run python -m tests.docs.smart_matrix"
