"""HL7's own examples: stored, or refused for a listed reason; reads give back what was sent."""

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.client import Answer, Client
from tests.server import ServerProcess
from tests.validation.test_acceptance import KNOWN_FAULTS

XML = "application/fhir+xml"
REORDERED = 38
"""Examples whose JSON has another order of elements than the specification."""
REFUSED = {*KNOWN_FAULTS, "Questionnaire/qs1"}


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


@pytest.fixture(scope="module")
def answers(examples: list[bytes], lenient: Client) -> list[tuple[str, Any, Answer]]:
    """Each example's place, what was sent there, and what came back."""
    found = []
    for raw in examples:
        sent = exact(raw)
        name = f"{sent['resourceType']}/{sent['id']}"
        found.append((name, sent, lenient.put(name, raw)))
    return found


def test_every_example_is_stored_or_refused_for_a_listed_reason(
    answers: list[tuple[str, Any, Answer]], lenient: Client
) -> None:
    surprises = []
    for name, sent, answer in answers:
        if answer.status == 201:
            if name in KNOWN_FAULTS:
                surprises.append(f"{name}: has known faults, and was stored")
            elif plain(exact(lenient.get(name).body)) != plain(sent):
                surprises.append(f"{name}: reads differently")
        elif answer.status != 422 or not known(name, faults(answer.json)):
            surprises.append(f"{name}: {answer.status} {answer.text[:600]}")
    assert not surprises, "\n".join(surprises)


def test_every_stored_example_travels_as_xml_and_back(
    answers: list[tuple[str, Any, Answer]], lenient: Client
) -> None:
    """JSON in, XML out, that XML in, JSON out: what was sent, digits and order of lists too.

    XML has one order of elements. Where a JSON example has it too, what comes back is what is
    stored, byte by byte, and makes no version.
    """
    surprises, travelled, reordered = [], 0, 0
    for name, sent, stored in answers:
        if stored.status != 201:
            continue
        out = lenient.get(name, accept=XML)
        assert out.headers["content-type"] == f"{XML}; charset=utf-8"
        back = lenient.put(name, out.body, content_type=XML)
        travelled += 1
        if back.status == 200 and back.headers["etag"] == stored.headers["etag"]:
            continue
        reordered += 1
        found = plain(unordered(exact(lenient.get(name).body)))
        if back.status != 200 or sorted(found) != sorted(plain(unordered(sent))):
            surprises.append(f"{name}: {back.status}")
    assert surprises == []
    assert (travelled, reordered) == (len(answers) - len(REFUSED), REORDERED)


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


def unordered(value: Any) -> Any:
    """The same with the names of every object in alphabetical order."""
    if isinstance(value, dict):
        return {name: unordered(value[name]) for name in sorted(value)}
    return [unordered(each) for each in value] if isinstance(value, list) else value


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
