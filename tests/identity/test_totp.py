"""Codes of authenticators: the vectors of RFC 6238, which codes count, and each once (SEC-U2)."""

from __future__ import annotations

import pytest

from fhirserver.identity import totp

SECRET = b"12345678901234567890"
NOW_US = 1_800_000_015 * 1_000_000
NOW = 1_800_000_015 // 30


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param(59, "94287082", id="RFC6238-B/59"),
        pytest.param(1111111109, "07081804", id="RFC6238-B/1111111109"),
        pytest.param(1111111111, "14050471", id="RFC6238-B/1111111111"),
        pytest.param(1234567890, "89005924", id="RFC6238-B/1234567890"),
        pytest.param(2000000000, "69279037", id="RFC6238-B/2000000000"),
        pytest.param(20000000000, "65353130", id="RFC6238-B/20000000000"),
    ],
)
def test_vectors(seconds: int, expected: str) -> None:
    assert totp.code(SECRET, seconds // 30, digits=8) == expected


@pytest.mark.parametrize(
    ("step", "last", "counts"),
    [
        pytest.param(NOW, 0, True, id="SEC-U2/now"),
        pytest.param(NOW - 1, 0, True, id="SEC-U2/a-step-late"),
        pytest.param(NOW + 1, 0, True, id="SEC-U2/a-step-early"),
        pytest.param(NOW - 2, 0, False, id="SEC-U2/two-steps-late"),
        pytest.param(NOW + 2, 0, False, id="SEC-U2/two-steps-early"),
        pytest.param(NOW, NOW, False, id="SEC-U2/used"),
        pytest.param(NOW - 1, NOW, False, id="SEC-U2/before-one-used"),
        pytest.param(NOW + 1, NOW, True, id="SEC-U2/after-one-used"),
    ],
)
def test_which_codes_count(step: int, last: int, counts: bool) -> None:
    found = totp.step_of(SECRET, totp.code(SECRET, step), NOW_US, last)
    assert found == (step if counts else None)


@pytest.mark.parametrize("typed", ["", "12345", "äöü123", "0" * 100])
def test_what_is_no_code(typed: str) -> None:
    assert totp.step_of(SECRET, typed, NOW_US, 0) is None


def test_spaces_do_not_count() -> None:
    code = totp.code(SECRET, NOW)
    assert totp.step_of(SECRET, f" {code[:3]} {code[3:]} ", NOW_US, 0) == NOW
