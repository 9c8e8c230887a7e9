"""Scopes from ticks."""

from __future__ import annotations

import pytest

from fhirserver.access import parse_scopes
from fhirserver.console.scope_builder import ALSO, LEVELS, TYPES, Ticks, build
from fhirserver.definitions import r4


@pytest.mark.parametrize(
    ("ticks", "scopes"),
    [
        (Ticks("patient", ["Patient"], [], [], ""), "patient/Patient.rs"),
        (
            Ticks("user", ["Task", "*"], ["Task", "Goal"], ["openid"], " x  openid"),
            "openid user/Task.crus user/*.rs user/Goal.cu x",
        ),
        (Ticks("system", ["Task"], [], [], ""), "patient/Task.rs"),
        (Ticks("patient", [], [], [], ""), ""),
    ],
)
def test_ticks_become_scopes(ticks: Ticks, scopes: str) -> None:
    assert build(ticks) == scopes


def test_all_that_can_be_ticked_is_a_scope() -> None:
    types = [each.type for each in TYPES]
    for level in LEVELS:
        asked = parse_scopes(build(Ticks(level, types, types, list(ALSO), "")), r4())
        assert (asked.refused, asked.unknown) == ((), ())
        assert len(asked.resources) == len(types)
