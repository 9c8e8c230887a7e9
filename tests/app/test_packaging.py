"""What is installed is what is in the checkout, under names of our own."""

from __future__ import annotations

import configparser
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {
    "fhirserver": "fhirserver",
    "profiles": "fhirserver_profiles",
    "terminology": "fhirserver_terminology",
    "migrations": "fhirserver_migrations",
    "conformance": "fhirserver_conformance",
    "device_bridge": "fhirserver_device_bridge",
}


def _setup() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg", encoding="utf-8")
    return parser


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", *FOLDERS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [Path(line) for line in listed.stdout.splitlines()]


def test_every_package_is_listed() -> None:
    listed = set(_setup()["options"]["packages"].split())
    present = {
        ".".join((FOLDERS[path.parts[0]], *path.parent.parts[1:]))
        for path in _tracked()
        if path.name == "__init__.py"
    }
    assert listed == present


def test_every_data_file_is_listed() -> None:
    patterns = {
        package: [part.strip() for part in value.replace("\n", ",").split(",") if part.strip()]
        for package, value in _setup()["options.package_data"].items()
    }
    forgotten = [
        str(path)
        for path in _tracked()
        if path.suffix != ".py"
        and not any(
            Path(*path.parts[1:]).match(pattern)
            for pattern in patterns.get(FOLDERS[path.parts[0]], ())
        )
    ]
    assert forgotten == []
