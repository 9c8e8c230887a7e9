"""Thirty real-looking patients by HTTP transactions, out as NDJSON, and into a second server."""

import bz2
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.client import Client
from tests.server import ServerProcess

QUERIES = (
    "Patient?gender=female",
    "Patient?birthdate=lt1970-01-01",
    "Observation?code=http://loinc.org|8302-2",
    "Observation?value-quantity=gt180|http://unitsofmeasure.org|cm",
    "Observation?category=laboratory&date=ge2015&_sort=-date",
    "Condition?clinical-status=active",
    "Encounter?class=AMB&date=2015",
    "MedicationRequest?status=active",
    "Immunization?date=ge2019",
    "Claim?created=gt2018",
    "Practitioner?name:contains=a",
    "Organization?name:contains=hospital",
    "Observation?status:missing=false",
    "Encounter?class:not=AMB",
)


@pytest.fixture(scope="module")
def folder(test_data: Path) -> Path:
    return test_data / "synthea-us-core"


@pytest.fixture(scope="module")
def data_dirs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("synthea")
    return root / "first", root / "second"


@pytest.fixture(scope="module")
def first(folder: Path, data_dirs: tuple[Path, Path]) -> Iterator[ServerProcess]:
    with ServerProcess(
        data_dirs[0].parent / "first.log", ("--data-dir", str(data_dirs[0]))
    ) as server:
        with server.client() as client:
            for bundle in bundles(folder):
                answer = client.post("", bundle)
                assert answer.status == 200, answer.text
                assert {entry["response"]["status"][:3] for entry in answer.json["entry"]} <= {
                    "200",
                    "201",
                }
        yield server


def bundles(folder: Path) -> Iterator[bytes]:
    """Hospitals, practitioners, then patients: the order of their names."""
    for file in sorted(folder.glob("*.json.bz2")):
        yield bz2.decompress(file.read_bytes())


def sent(folder: Path) -> Iterator[dict[str, Any]]:
    for bundle in bundles(folder):
        for entry in json.loads(bundle)["entry"]:
            yield entry["resource"]


def total(client: Client, path: str) -> int:
    answer = client.get(f"{path}{'&' if '?' in path else '?'}_summary=count")
    assert answer.status == 200, answer.text
    count: int = answer.json["total"]
    return count


def test_every_resource_is_there_once(first: ServerProcess, folder: Path) -> None:
    counts = Counter(resource["resourceType"] for resource in sent(folder))
    with first.client() as client:
        assert {kind: total(client, kind) for kind in counts} == dict(counts)


def test_patients_are_found_by_what_they_are(first: ServerProcess, folder: Path) -> None:
    patients = [resource for resource in sent(folder) if resource["resourceType"] == "Patient"]
    with first.client() as client:
        for patient in patients:
            family = patient["name"][0]["family"]
            identifier = patient["identifier"][0]
            for query in (
                f"family={quote(family)}&birthdate={patient['birthDate']}&gender={patient['gender']}",
                f"identifier={identifier['system']}|{identifier['value']}",
            ):
                found = client.search(f"Patient?{query}")
                assert identifier["value"] in {each["identifier"][0]["value"] for each in found}


def test_references_were_resolved(first: ServerProcess, folder: Path) -> None:
    """STO-07: urn:uuid and conditional references became literal ones."""
    with first.client() as client:
        encounters = client.search("Encounter?_count=1000&_include=Encounter:patient")
        assert encounters
        for encounter in encounters:
            assert encounter["subject"]["reference"].startswith("Patient/")
            for participant in encounter.get("participant", ()):
                assert participant["individual"]["reference"].startswith("Practitioner/")


def test_a_second_server_gives_the_same_answers(
    first: ServerProcess, data_dirs: tuple[Path, Path], folder: Path
) -> None:
    exported = data_dirs[0].parent / "exported"
    command("export", "--data-dir", str(data_dirs[0]), "--output", str(exported), "--gzip")
    command("load", "--data-dir", str(data_dirs[1]), str(exported))
    kinds = sorted({resource["resourceType"] for resource in sent(folder)})
    arguments = ("--data-dir", str(data_dirs[1]))
    with (
        ServerProcess(data_dirs[1].parent / "second.log", arguments) as second,
        first.client() as here,
        second.client() as there,
    ):
        for query in (*kinds, *QUERIES):
            assert total(here, query) == total(there, query), query
        for query in QUERIES:
            left = [bare(each) for each in here.search(f"{query}&_count=500")]
            right = [bare(each) for each in there.search(f"{query}&_count=500")]
            assert sorted(left) == sorted(right), query
            assert left, query
    for data_dir in data_dirs:
        command("verify", "--data-dir", str(data_dir))


def bare(resource: dict[str, Any]) -> str:
    """A resource without what each server sets itself."""
    meta = {k: v for k, v in resource["meta"].items() if k not in ("versionId", "lastUpdated")}
    return json.dumps({**resource, "meta": meta}, sort_keys=True, default=str)


def command(*words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fhirserver", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
