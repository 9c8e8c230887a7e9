"""Recorded APDUs of real agents and of the standards' examples."""

import os
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest


@pytest.fixture(scope="session")
def recorded() -> dict[str, bytes]:
    """Every recorded APDU by its path, e.g. "blood_pressure/aarq"."""
    folder = shared()
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.suffix != ".xml" and file.name not in ("COPYING", "LICENSE")
    }


@pytest.fixture(scope="session")
def decoded() -> ET.Element:
    """What another manager understood of a blood pressure monitor."""
    return ET.parse(shared() / "decoded" / "measurement-blood-pressure.xml").getroot()


def shared() -> Path:
    data = os.environ.get("FHIRSERVER_TEST_DATA")
    if not data:
        pytest.skip("needs FHIRSERVER_TEST_DATA")
    return Path(data) / "devices" / "x11073-20601-apdus"
