"""The reference data of ONC's US Core test kit goes in as it is."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import Client
from tests.server import ServerProcess


@pytest.fixture(scope="module")
def loaded(test_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    root = tmp_path_factory.mktemp("inferno")
    folder = test_data / "inferno/reference-data"
    with (
        ServerProcess(root / "log", ("--data-dir", str(root / "data"))) as server,
        server.client() as client,
    ):
        for patient in ("85", "907"):
            answer = client.post(
                "", (folder / f"uscore_bundle_patient_{patient}.json").read_bytes()
            )
            assert answer.status == 200, answer.text[:2000]
        group = json.loads((folder / "uscore_group_1a.json").read_bytes())
        group["member"] = [m for m in group["member"] if m["entity"]["reference"] != "Patient/355"]
        assert client.put("Group/1a", group).status == 201
        yield client


@pytest.mark.parametrize(
    ("query", "at_least"),
    [
        ("Patient?_id=85", 1),
        ("Condition?patient=85", 1),
        ("Observation?patient=85&category=vital-signs", 1),
        ("Observation?patient=85&category=laboratory&_sort=-date", 1),
        ("DocumentReference?patient=85", 1),
        ("Group?member=Patient/85", 1),
        ("Patient/85/Observation?code=72166-2", 1),
    ],
)
def test_what_the_kit_asks_for_is_found(loaded: Client, query: str, at_least: int) -> None:
    assert len(loaded.search(query)) >= at_least
