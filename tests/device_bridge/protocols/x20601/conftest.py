"""Recorded APDUs of real agents and of the standards' examples."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def recorded() -> dict[str, bytes]:
    """Every recorded APDU by its path, e.g. "blood_pressure/aarq"."""
    shared = os.environ.get("FHIRSERVER_TEST_DATA")
    if not shared:
        pytest.skip("needs FHIRSERVER_TEST_DATA")
    folder = Path(shared) / "devices" / "x11073-20601-apdus"
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix != ".xml" and file.name not in ("COPYING", "LICENSE")
    }
