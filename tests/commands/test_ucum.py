"""`fhirserver ucum`: units checked, values converted."""

import pytest

from tests.commands.test_load import command


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        pytest.param(("98.6", "[degF]"), 0, "310.15 K\n", id="canonical"),
        pytest.param(("98.6", "[degF]", "Cel"), 0, "37.00 Cel\n", id="converted"),
        pytest.param(("-40", "Cel", "[degF]"), 0, "-40.00 [degF]\n", id="negative"),
        pytest.param(("5.4", "mg/dL", "g/L"), 0, "0.054 g/L\n", id="decimal"),
        pytest.param(("1", "mgg"), 1, "mgg", id="no-unit"),
        pytest.param(("1", "mg", "xx"), 1, "xx", id="no-target"),
        pytest.param(("1", "mg", "mL"), 1, "measure different things", id="incommensurable"),
        pytest.param(("1", "[pH].m"), 1, "no canonical form", id="no-canonical-form"),
        pytest.param(("x", "mg"), 2, "'x' is no number", id="no-number"),
        pytest.param(("NaN", "mg"), 2, "'NaN' is no number", id="not-finite"),
        pytest.param(("1",), 2, "UNIT", id="no-argument"),
    ],
)
def test_a_value_is_told_in_another_unit(words: tuple[str, ...], code: int, said: str) -> None:
    done = command("ucum", *words)
    assert done.returncode == code
    told = (done.stderr if code else done.stdout).decode()
    assert told == said if code == 0 else said in told
