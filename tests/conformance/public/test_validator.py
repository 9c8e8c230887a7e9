"""Which of the reference validator's cases are tried.

Spec: https://hl7.org/fhir/R4/validation.html
"""

from typing import Any

import pytest

from fhirserver_conformance.public.validator import beyond


def told(errors: int | None = 1, *texts: str, **needs: Any) -> dict[str, Any]:
    absent = dict.fromkeys(("packages", "supporting", "profiles", "profile", "logical"))
    expected = {"errors": errors, "first_errors": [{"text": text} for text in texts]}
    return {**absent, "base_expected": expected, **needs}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        pytest.param(told(0), None, id="no error is told: tried"),
        pytest.param(told(0, packages=["x"]), None, id="no error, although packages: tried"),
        pytest.param(told(1, "Undefined element 'x'"), None, id="an error of base R4: tried"),
        pytest.param(told(1, packages=["x"]), "needs packages", id="packages"),
        pytest.param(told(1, profile={"source": "p"}), "is judged by a profile", id="profile"),
        pytest.param(told(None), "no number of errors is told", id="no number"),
        pytest.param({**told(), "base_expected": None}, "no number of errors is told", id="none"),
        pytest.param(told(1, "Wrong Display Name 'x'"), "is about the content", id="terminology"),
        pytest.param(
            told(2, "Wrong Display Name 'x'", "Undefined element 'y'"), None, id="one of base R4"
        ),
        pytest.param(
            told(1, "The extension http://x could not be found so is not allowed here"),
            "is about the definitions of extensions",
            id="extension",
        ),
    ],
)
def test_beyond(case: dict[str, Any], reason: str | None) -> None:
    found = beyond(case)
    assert found is None if reason is None else found is not None and found.startswith(reason)
