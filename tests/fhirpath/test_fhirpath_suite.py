"""The official FHIRPath suite, case by case.

Spec: http://hl7.org/fhirpath/N1/index.html
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.public.fhirpath_cases import evaluate_own, failure

EXPECTED_FAILURES = {
    "testPlus/testPlusDate19": (
        "0.1 's' moves a DateTime by a tenth of a second: N1 drops the decimals of units above "
        "seconds only, the suite drops those of seconds too"
    ),
}
"""Reason by group and name; a case listed here that passes fails the test."""


def _folder() -> Path | None:
    root = os.environ.get("FHIRSERVER_TEST_DATA")
    return Path(root) / "fhirpath" if root else None


def _cases() -> list[Any]:
    folder = _folder()
    if folder is None:
        skip = pytest.mark.skip(reason="FHIRSERVER_TEST_DATA is not set")
        return [pytest.param(None, marks=skip, id="no-data")]
    cases = map(json.loads, (folder / "cases.jsonl").read_text().splitlines())
    return [pytest.param(case, id=f"{case['group']}/{case['name']}") for case in cases]


@pytest.mark.parametrize("case", _cases())
def test_case_of_the_official_suite(case: dict[str, Any]) -> None:
    folder = _folder()
    assert folder is not None
    reason = EXPECTED_FAILURES.get(f"{case['group']}/{case['name']}")
    found = failure(case, folder / "input", evaluate_own)
    if reason is None:
        assert found is None, f"{case['expression']}: {found}"
    else:
        assert found is not None, f"passes now; take it off the list ({reason})"
