"""HL7's own examples: stored, or refused for a listed reason; reads give back what was sent."""

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.client import Client
from tests.server import ServerProcess
from tests.validation.test_acceptance import KNOWN_FAULTS


@pytest.fixture(scope="module")
def examples(test_data: Path) -> list[bytes]:
    return gzip.decompress((test_data / "r4-examples/examples.ndjson.gz").read_bytes()).splitlines()


@pytest.fixture(scope="module")
def lenient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server that stores references to what is not there; the examples have many."""
    root = tmp_path_factory.mktemp("examples")
    environment = {"FHIRSERVER_REFERENTIAL_INTEGRITY": "off"}
    with (
        ServerProcess(root / "log", ("--data-dir", str(root / "data")), environment) as server,
        server.client() as client,
    ):
        yield client


def test_every_example_is_stored_or_refused_for_a_listed_reason(
    examples: list[bytes], lenient: Client
) -> None:
    surprises = []
    for raw in examples:
        sent = exact(raw)
        name = f"{sent['resourceType']}/{sent['id']}"
        answer = lenient.put(name, raw)
        if answer.status == 201:
            if name in KNOWN_FAULTS:
                surprises.append(f"{name}: has known faults, and was stored")
            elif plain(exact(lenient.get(name).body)) != plain(sent):
                surprises.append(f"{name}: reads differently")
        elif answer.status != 422 or not known(name, faults(answer.json)):
            surprises.append(f"{name}: {answer.status} {answer.text[:600]}")
    assert not surprises, "\n".join(surprises)


def known(name: str, found: set[tuple[str, str]]) -> bool:
    if name == "Questionnaire/qs1":  # none of its inner items has a linkId
        return all(code == "required" and place.endswith("linkId") for code, place in found)
    return found == KNOWN_FAULTS.get(name)


def faults(outcome: Any) -> set[tuple[str, str]]:
    return {
        (issue["code"], issue["expression"][0])
        for issue in outcome["issue"]
        if issue["severity"] == "error"
    }


def exact(raw: bytes) -> Any:
    """JSON with decimals as they are written and objects in their order."""
    return json.loads(raw, parse_float=Decimal, object_pairs_hook=dict)


def plain(resource: Any) -> list[tuple[str, str]]:
    """Everything in its order, digits included, without what the server sets."""
    meta = {
        key: value
        for key, value in resource.get("meta", {}).items()
        if key not in ("versionId", "lastUpdated")
    }
    return [
        (key, repr(meta if key == "meta" else value))
        for key, value in resource.items()
        if key != "meta" or meta
    ]
