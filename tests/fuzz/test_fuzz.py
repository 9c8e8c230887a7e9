"""Whatever comes in, only what is foreseen goes wrong.

The same inputs come every time, unless FHIRSERVER_FUZZ_INPUTS says how many there shall be; then
they are new ones. What scripts/fuzz finds becomes a row of the tests of what it broke.
"""

import os
import random
import traceback

import pytest

from tests.fuzz.inputs import SEEDS, make
from tests.fuzz.targets import TARGETS, Target

INPUTS = os.environ.get("FHIRSERVER_FUZZ_INPUTS")


@pytest.mark.parametrize("name", TARGETS)
def test_nothing_breaks_a_reader(name: str) -> None:
    chance = random.Random(name if INPUTS is None else None)
    for raw in SEEDS[name]:
        TARGETS[name](raw)
    for _ in range(int(INPUTS or 700)):
        raw = make(chance, name)
        assert finding(TARGETS[name], raw) is None, raw[:2000]


def finding(target: Target, raw: bytes) -> str | None:
    """Say what an input broke."""
    try:
        target(raw)
    except Exception:  # noqa: BLE001 - a finding, whatever it is
        return traceback.format_exc()
    return None


def test_what_is_not_foreseen_is_a_finding() -> None:
    found = finding(lambda raw: print(1 // len(raw)), b"")
    assert found is not None
    assert "ZeroDivisionError" in found
