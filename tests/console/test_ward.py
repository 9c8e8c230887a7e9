"""The page at /ward: the latest vital signs of each patient, on an open server only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

from fhirserver.console.ward import Sign, beds
from tests.secured import Secured
from tests.waiting import wait_for

ROOT = Path(__file__).resolve().parents[2]
PATIENTS = [
    {"resourceType": "Patient", "id": "1", "name": [{"given": ["Zoe"], "family": "Z"}]},
    {"resourceType": "Patient", "id": "2", "name": [{"given": ["Ada"], "family": "A"}]},
]


def coded(*codes: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": code} for code in codes]}


def observed(patient: str, minute: int, code: str, **value: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "subject": {"reference": f"Patient/{patient}"},
        "effectiveDateTime": f"2026-05-06T07:{minute:02}:00Z",
        "code": coded(code),
        **value,
    }


def quantity(value: float, unit: str) -> dict[str, Any]:
    return {"valueQuantity": {"value": value, "unit": unit}}


PRESSURE = {
    "component": [
        {"code": coded("8480-6"), **quantity(120, "mm[Hg]")},
        {"code": coded("8462-4"), **quantity(80, "mm[Hg]")},
    ]
}


@pytest.mark.parametrize(
    ("latest", "signs"),
    [
        pytest.param(
            [
                observed("1", 9, "8867-4", **quantity(70, "/min")),
                observed("1", 8, "8867-4", **quantity(60, "/min")),
                observed("2", 9, "8867-4", **quantity(50, "/min")),
            ],
            [Sign("Heart rate", "70", "/min", "07:09:00")],
            id="the latest, and nobody else's",
        ),
        pytest.param(
            [observed("1", 9, "85354-9", **PRESSURE)],
            [Sign("Blood pressure", "120 / 80", "mm[Hg]", "07:09:00")],
            id="a pressure in its parts",
        ),
        pytest.param(
            [observed("1", 9, "85354-9", component=PRESSURE["component"][:1])],
            [],
            id="half a pressure is none",
        ),
        pytest.param([observed("1", 9, "8867-4", dataAbsentReason={})], [], id="no value"),
        pytest.param([observed("1", 9, "2339-0", **quantity(5, "g"))], [], id="another code"),
    ],
)
def test_cards(latest: list[dict[str, Any]], signs: list[Sign]) -> None:
    ada, zoe = beds([*latest, *PATIENTS], [])
    assert (ada.name, zoe.name) == ("Ada A", "Zoe Z")
    assert list(zoe.signs) == signs


def test_the_line_of_heart_rates() -> None:
    """The latest at the right; what is beyond the scale is at its edge."""
    rates = [
        observed("1", 9, "8867-4", **quantity(value, "/min")) for value in (140, 90, 40, 300, 1)
    ]
    _, zoe = beds(PATIENTS, [*rates, observed("2", 9, "8867-4", **quantity(90, "/min"))])
    assert zoe.line == "240,0 236,20 232,40 228,0 224,40"


def test_with_authentication_there_is_none(secured: Secured) -> None:
    with pytest.raises(HTTPError, match="404"):
        page(f"{secured.root}/ward")


def test_a_ward_on_this_machine(tmp_path: Path) -> None:
    """Server, bridge and monitors start by one command, show every bed, and end with it."""
    words = ("--beds", "2", "--port", "0", "--data-dir", str(tmp_path / "data"))
    ward = subprocess.Popen(
        [sys.executable, ROOT / "scripts" / "demo-ward", *words], stdout=subprocess.PIPE, text=True
    )
    assert ward.stdout is not None
    with ward.stdout:
        url = next(line.split()[1] for line in ward.stdout if line.startswith("ward "))
        shown = wait_for(lambda: told if (told := page(url)).count("Heart rate</dt>") == 2 else "")
        assert "Ada Abara" in shown
        assert "<polyline" in shown
        os.kill(ward.pid, signal.SIGINT)
        assert ward.wait(60) == 0
    with pytest.raises(URLError):
        page(url)


def page(url: str) -> str:
    with urlopen(url, timeout=30) as answer:
        return str(answer.read(), "utf-8")
