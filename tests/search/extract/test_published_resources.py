"""Extraction on published resources: nothing fails, and nothing that can be found gets lost.

Data: HL7's R4 examples and Synthea patients, from the folder of shared test data.
"""

import bz2
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fhirserver.definitions import r4
from fhirserver.model.json import parse_json
from fhirserver.search.extract import IndexRows, extract

SYNTHEA_PATIENTS = 4


def examples(folder: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(folder / "r4-examples" / "examples.ndjson.gz") as lines:
        yield from map(parse_json, lines)


def synthea(folder: Path) -> Iterator[dict[str, Any]]:
    files = sorted((folder / "synthea-us-core").glob("*.json.bz2"))
    for file in [*files[:2], *files[2 : 2 + SYNTHEA_PATIENTS]]:
        with bz2.open(file) as packed:
            for entry in parse_json(packed.read())["entry"]:
                yield entry["resource"]


SOURCES = {"examples": examples, "synthea": synthea}


@pytest.mark.parametrize("source", SOURCES)
def test_extraction(source: str, test_data: Path) -> None:
    count = 0
    for resource in SOURCES[source](test_data):
        if resource["resourceType"] in r4().resource_types:
            rows = extract(resource, definitions=r4(), base_url="http://here/fhir")
            check(resource, rows)
            count += 1
    assert count > 400


def check(resource: dict[str, Any], rows: IndexRows) -> None:
    """What holds for the rows of every resource."""
    parameters = r4().search_parameters(resource["resourceType"]).values()
    # Displays of references stand under each parameter's own number.
    numbers = {number for each in parameters for number in (each.rows_id, each.id)}
    for table in (rows.string, rows.date, rows.reference, rows.quantity):
        assert {row[0] for row in table} <= numbers
        assert {row[0] for row in table} <= set(rows.present)
    assert {row[0] % 8000 for row in rows.token} <= numbers
    assert rows.present == sorted(set(rows.present))
    assert all(low < high for _, low, high in rows.date)
    assert all(row[4] <= row[5] for row in rows.quantity)
    listed = {(each.type, each.id) for each in rows.references}
    if resource["resourceType"] != "Bundle":
        literal = {(kind, identity) for _, kind, identity in rows.reference}
        assert {pair for pair in literal if pair not in listed} <= canonical_targets(resource)
    assert set(rows.patients) - {("Patient", resource.get("id"))} <= {
        (kind, identity) for _, kind, identity in rows.reference
    }


def canonical_targets(resource: dict[str, Any]) -> set[tuple[str, str]]:
    """Local URLs that stand as a canonical: they are searched, but are no References."""
    found = set()
    open_values: list[Any] = [resource]
    for value in open_values:
        if isinstance(value, dict):
            open_values += value.values()
        elif isinstance(value, list):
            open_values += value
        elif isinstance(value, str) and value.count("/") == 1:
            kind, _, identity = value.partition("/")
            found.add((kind, identity))
    return found
