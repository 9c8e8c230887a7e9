"""How a FHIRPath case is judged: each way to fail is seen.

Spec: http://hl7.org/fhirpath/N1/index.html
"""

from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.public.cases import DataError
from fhirserver_conformance.public.fhirpath_cases import EvaluationError, evaluate_own, failure

NOWHERE = Path("nowhere")


def told(expression: str, *values: str, **more: Any) -> dict[str, Any]:
    kind = more.pop("type", "integer")
    outputs = [{"type": kind, "value": value} for value in values]
    absent = dict.fromkeys(("input", "invalid", "predicate", "mode"))
    return {**absent, "expression": expression, "outputs": outputs, **more}


@pytest.mark.parametrize(
    ("case", "complaint"),
    [
        pytest.param(told("1 + 1", "2"), None, id="the value told"),
        pytest.param(told("1 + 1", "3"), "gave ['2'], not ['3']", id="another value"),
        pytest.param(told("{}", "3"), "gave [], not ['3']", id="nothing, not a value"),
        pytest.param(told("1 | 2", "1"), "gave ['1', '2'], not ['1']", id="one too many"),
        pytest.param(told("1.0", "1", type="decimal"), None, id="numbers are compared as such"),
        pytest.param(told("'x'", "x", type="string"), None, id="a string"),
        pytest.param(told("@2020", "@2020", type="date"), None, id="a date"),
        pytest.param(told("true", "true", type="boolean"), None, id="a boolean"),
        pytest.param(told("1 +", "1"), "raised", id="an error that is not told"),
        pytest.param(told("1 +", invalid="syntax"), None, id="an error that is told"),
        pytest.param(told("1", invalid="syntax"), "accepted, gave ['1']", id="no error"),
        pytest.param(told("1", "true", type="boolean", predicate="true"), None, id="exists"),
        pytest.param(
            told("{}", "true", type="boolean", predicate="true"), "gave ['false']", id="is empty"
        ),
        pytest.param(
            told("false", "true", type="boolean", predicate="true"), "gave ['false']", id="is false"
        ),
    ],
)
def test_case(case: dict[str, Any], complaint: str | None) -> None:
    found = failure(case, NOWHERE, evaluate_own)
    assert found is None if complaint is None else found is not None and complaint in found


def test_the_engine_says_why_there_is_no_result() -> None:
    with pytest.raises(EvaluationError, match=r"\S"):
        evaluate_own(told("1 +"), {})


@pytest.mark.parametrize(
    ("name", "content"),
    [("x.json", None), ("x.json", "{"), ("x.xml", "<Patient"), ("x.xml", "<x/>")],
    ids=["missing", "no JSON", "no XML", "no resource"],
)
def test_an_input_that_cannot_be_read(name: str, content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(DataError, match=r"x\.\w+ cannot be read"):
        failure(told("1", input=name), tmp_path, evaluate_own)
