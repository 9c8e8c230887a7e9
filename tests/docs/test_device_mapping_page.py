"""docs/device-mapping.md names every status, flag, value type and key of a mapping file."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirserver_device_bridge.fhir.observation import RANK
from fhirserver_device_bridge.protocols.hl7v2.statuses import STATUSES

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "device-mapping.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.split("|")[1:-1]]
    for line in PAGE.splitlines()
    if line.startswith("|") and "---" not in line
]
SCHEMA = json.loads((ROOT / "device_bridge/mapping/mapping.schema.json").read_bytes())


@pytest.mark.parametrize(("letter", "status"), STATUSES.items())
def test_every_status_is_documented(letter: str, status: str) -> None:
    assert any(letter in row[0].split() and row[1] == status for row in ROWS if len(row) == 2)


def test_every_rank_is_documented() -> None:
    order = PAGE[PAGE.index("then the higher status") :]
    places = [order.index(status) for status in sorted(RANK, key=RANK.__getitem__)]
    assert max(places) < 250


def keys(schema: dict[str, Any]) -> Iterator[str]:
    for name, part in schema.get("properties", {}).items():
        yield name
        yield from keys(part.get("additionalProperties") or {})


@pytest.mark.parametrize("key", sorted({*keys(SCHEMA)} - {"metrics", "own", "units"}))
def test_every_key_is_documented(key: str) -> None:
    assert f"{key}`" in PAGE
