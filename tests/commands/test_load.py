"""`load`, `export`, `verify` and `reindex` on a real database."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import truncate_all


@pytest.fixture(autouse=True)
def _empty(database_url: str) -> None:
    truncate_all(database_url)


def command(*words: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-m", "fhirserver", *words], input=stdin, capture_output=True, check=False
    )


def patient(id: str | None, **members: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **({"id": id} if id else {}), **members}


def observation(id: str, subject: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": id,
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": subject},
    }


def bundle(kind: str, *resources: dict[str, Any]) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    for resource in resources:
        entry: dict[str, Any] = {"resource": resource}
        if kind in ("transaction", "batch"):
            entry["request"] = {"method": "POST", "url": resource["resourceType"]}
        entries.append(entry)
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def lines(path: Path, *values: object) -> Path:
    path.write_text("".join(f"{json.dumps(value)}\n" for value in values))
    return path


def counts(url: str) -> dict[int, int]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT version, count(*) FROM resource WHERE state = 1 GROUP BY 1"
        )
        return dict(rows.fetchall())


def test_resources_of_every_kind_are_loaded_and_the_wrong_ones_named(
    database_url: str, tmp_path: Path
) -> None:
    file = lines(
        tmp_path / "mixed.ndjson",
        observation("o1", "Patient/p9"),  # its patient comes later
        bundle("collection", patient("p1"), patient("p2")),
        bundle("transaction", patient(None), patient(None)),
        patient("p3", gender="wrong"),
        None,
        patient("p9"),
        [],
    )
    with file.open("a") as text:
        text.write('{"resourceType":\n')
    refused = tmp_path / "refused.ndjson"
    done = command("load", "--database-url", database_url, "--refused", str(refused), str(file))
    assert done.returncode == 1, done.stderr
    assert counts(database_url) == {1: 6}
    places = {json.loads(line)["place"] for line in refused.read_text().splitlines()}
    assert places == {f"mixed.ndjson:{number}" for number in (4, 5, 7, 8)}
    assert command("verify", "--database-url", database_url).returncode == 0


def test_a_second_load_of_the_same_file_stores_nothing_again(
    database_url: str, tmp_path: Path
) -> None:
    file = lines(
        tmp_path / "a.ndjson",
        patient("p1"),
        bundle("transaction", patient(None)),
        bundle("transaction", patient(None)),
        patient("p2"),
    )
    for _ in range(2):
        assert command("load", "--database-url", database_url, str(file)).returncode == 0
        assert counts(database_url) == {1: 4}


def test_a_bundle_waits_for_what_it_refers_to(database_url: str, tmp_path: Path) -> None:
    waiting = bundle("transaction", observation("o", "Patient/late"))
    late = bundle("transaction", patient("late"))
    late["entry"][0]["request"] = {"method": "PUT", "url": "Patient/late"}
    lines(tmp_path / "1.ndjson", waiting)
    lines(tmp_path / "2.ndjson", late)
    assert command("load", "--database-url", database_url, str(tmp_path)).returncode == 0
    assert counts(database_url) == {1: 2}


def test_a_reference_to_nothing_is_named(database_url: str, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.ndjson", observation("o", "Patient/nobody"))
    done = command("load", "--database-url", database_url, str(file))
    assert done.returncode == 0
    assert b"Patient/nobody" in done.stderr


def test_export_gives_back_what_load_took(database_url: str, tmp_path: Path) -> None:
    sample = command("sample-data", "--patients", "3", "--resources").stdout
    assert command("load", "--database-url", database_url, "-", stdin=sample).returncode == 0
    out = tmp_path / "out"
    assert command("export", "--database-url", database_url, "--output", str(out)).returncode == 0
    exported = [json.loads(line) for file in out.iterdir() for line in file.open()]
    for resource in exported:
        assert resource.pop("meta")["versionId"] == "1"
    sent = [json.loads(line) for line in sample.splitlines()]
    assert sorted(exported, key=lambda each: each["id"]) == sorted(
        sent, key=lambda each: each["id"]
    )


def test_reindex_brings_back_rows_that_are_gone(database_url: str, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.ndjson", patient("p1", gender="female", birthDate="2000-01-01"))
    assert command("load", "--database-url", database_url, str(file)).returncode == 0
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE resource SET keys = '', extractor = 0")
        connection.execute("TRUNCATE token, string, date, ref, quantity")
    assert command("verify", "--database-url", database_url).returncode == 1
    assert command("reindex", "--database-url", database_url).returncode == 0
    done = command("verify", "--database-url", database_url)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("load", "missing.ndjson"),
        ("load", "setup.cfg"),
        ("export", "--output", "x", "--types", "Patent"),
        ("reindex", "--types", "Patent"),
        ("sample-data", "--patients", "-1"),
        ("validate", "missing.json"),
    ],
)
def test_a_wrong_command_line_ends_with_2_and_says_why(words: tuple[str, ...]) -> None:
    done = command(*words)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr


def test_validate_prints_place_element_and_rule(tmp_path: Path) -> None:
    file = lines(tmp_path / "a.ndjson", patient("p1"), patient("p2", gender="wrong"))
    done = command("validate", str(file))
    assert done.returncode == 1
    assert b"a.ndjson:2: error: Patient.gender: " in done.stdout
    assert command("validate", str(lines(tmp_path / "b.json", patient("p1")))).returncode == 0
