"""`load`, `export`, `verify` and `reindex` on a real database."""

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import truncate_all
from tests.waiting import wait_for


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


LOADED = b"loaded before, on 20"


def entry(method: str, url: str, resource: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "request": {"method": method, "url": url},
        **({"resource": resource} if resource else {}),
    }


def interaction(kind: str, *entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(entries)}


def test_a_second_load_of_the_same_file_stores_nothing_again_and_says_so(
    database_url: str, tmp_path: Path
) -> None:
    file = lines(
        tmp_path / "a.ndjson",
        patient("p1"),
        bundle("transaction", patient(None)),
        bundle("transaction", patient(None)),
        patient("p2"),
    )
    done = command("load", "--database-url", database_url, str(file))
    assert (done.returncode, LOADED in done.stderr) == (0, False)
    done = command("load", "--database-url", database_url, str(file))
    assert (done.returncode, counts(database_url)) == (0, {1: 4})
    assert LOADED in done.stderr
    assert b"; 4 resources are as it left them and skipped; --again" in done.stderr


def test_the_same_file_twice_in_one_load_is_loaded_once(database_url: str, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.ndjson", bundle("transaction", patient(None)))
    copy = tmp_path / "copy" / "a.ndjson"
    copy.parent.mkdir()
    copy.write_bytes(file.read_bytes())
    done = command("load", "--database-url", database_url, str(file), str(tmp_path))
    assert (done.returncode, counts(database_url)) == (0, {1: 1})
    assert f"{copy}: the same as {file}".encode() in done.stderr


P1 = patient("p1", active=True)
UPDATES = interaction("transaction", entry("PUT", "Patient/p1", P1))
DELETES = interaction("transaction", entry("DELETE", "Patient/p1"))
MIXED = interaction(
    "transaction", entry("PUT", "Patient/p1", P1), entry("POST", "Patient", patient(None))
)
CHANGES = {
    "deleted": entry("DELETE", "Patient/p1"),
    "updated": entry("PUT", "Patient/p1", patient("p1", active=False)),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "content",
    [
        pytest.param([P1, patient("p2")], id="a resource"),
        pytest.param([bundle("collection", P1, patient("p2"))], id="a collection"),
        pytest.param([UPDATES, patient("p2")], id="a Bundle of updates"),
        pytest.param([patient("p1"), UPDATES, patient("p2")], id="twice in the file"),
        pytest.param([patient("p2"), patient(None), P1], id="beside one without an id"),
    ],
)
def test_what_was_deleted_or_changed_since_is_loaded_again(
    database_url: str, tmp_path: Path, content: list[dict[str, Any]], change: str
) -> None:
    file = lines(tmp_path / "a.ndjson", *content)
    assert command("load", "--database-url", database_url, str(file)).returncode == 0
    before = sum(counts(database_url).values())
    since = lines(tmp_path / "b.ndjson", interaction("transaction", CHANGES[change]))
    assert command("load", "--database-url", database_url, str(since)).returncode == 0
    done = command("load", "--database-url", database_url, str(file))
    assert done.returncode == 0, done.stderr
    assert b"a.ndjson: 1 resources that were deleted or changed since are loaded" in done.stderr
    assert sum(counts(database_url).values()) == before
    assert stored(database_url, "p1")["active"] is True


def test_what_the_file_itself_changes_or_deletes_is_no_change_since(
    database_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    lines(folder / "a.ndjson", patient("p1"), UPDATES, patient("p2"))
    lines(folder / "b.ndjson", interaction("transaction", entry("DELETE", "Patient/p2")))
    for _ in range(2):
        assert command("load", "--database-url", database_url, str(folder)).returncode == 0
    assert counts(database_url) == {2: 1}


@pytest.mark.parametrize("change", CHANGES)
def test_what_cannot_be_loaded_again_without_doubles_is_named(
    database_url: str, tmp_path: Path, change: str
) -> None:
    file = lines(tmp_path / "a.ndjson", MIXED, patient("p2"))
    assert command("load", "--database-url", database_url, str(file)).returncode == 0
    since = lines(tmp_path / "b.ndjson", interaction("transaction", CHANGES[change]))
    assert command("load", "--database-url", database_url, str(since)).returncode == 0
    before = counts(database_url)
    done = command("load", "--database-url", database_url, str(file))
    assert (done.returncode, counts(database_url)) == (1, before)
    assert b"deleted or changed since: Patient/p1. It is not loaded again" in done.stderr
    again = command("load", "--again", "--database-url", database_url, str(file))
    assert again.returncode == 0, again.stderr
    assert stored(database_url, "p1")["active"] is True


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_batch_that_was_stored_in_part_is_not_passed_over_silently(
    database_url: str, tmp_path: Path, method: str
) -> None:
    entries = [
        entry(method, f"Patient/{id}" if method == "PUT" else "Patient", patient(id, gender=gender))
        for id, gender in (("p1", "female"), ("p2", "wrong"))
    ]
    file = lines(tmp_path / "a.ndjson", interaction("batch", *entries))
    for _ in range(2):
        done = command("load", "--database-url", database_url, str(file))
        assert (done.returncode, counts(database_url)) == (1, {1: 1})
        assert b"a.ndjson:1" in done.stderr


def stored(url: str, id: str) -> dict[str, Any]:
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT body FROM resource WHERE state = 1 AND id = %s", (id,)
        ).fetchone()
    assert row
    found: dict[str, Any] = json.loads(row[0])
    return found


def test_a_bundle_waits_for_what_it_refers_to(database_url: str, tmp_path: Path) -> None:
    waiting = bundle("transaction", observation("o", "Patient/late"))
    late = bundle("transaction", patient("late"))
    late["entry"][0]["request"] = {"method": "PUT", "url": "Patient/late"}
    lines(tmp_path / "1.ndjson", waiting)
    lines(tmp_path / "2.ndjson", late)
    assert command("load", "--database-url", database_url, str(tmp_path)).returncode == 0
    assert counts(database_url) == {1: 2}


@pytest.mark.parametrize(
    ("resource", "expression", "said"),
    [
        (patient("p", gender="x"), ["Patient.gender"], "'x' is not in the value set"),
        (bundle("collection", patient("p", gender="x")), ["Patient.gender"], "'x' is not"),
        (patient("a/b"), [], "'a/b' is not an id"),
        ({"resourceType": "Patient", "id": 5}, None, ""),
        ({"resourceType": "Nope"}, [], "'Nope' is no resource type"),
        (bundle("collection") | {"entry": [1]}, None, "1 is not an object"),
        (bundle("collection") | {"entry": [{"resource": 1}]}, None, "1 is not a resource"),
        (bundle("batch") | {"entry": {}}, ["Bundle.entry"], "must be a list"),
    ],
)
def test_what_is_wrong_is_said_of_the_resource_as_it_stands_in_the_file(
    database_url: str,
    tmp_path: Path,
    resource: dict[str, Any],
    expression: list[str] | None,
    said: str,
) -> None:
    file, refused = lines(tmp_path / "a.ndjson", resource), tmp_path / "refused"
    done = command("load", "--database-url", database_url, "--refused", str(refused), str(file))
    assert (done.returncode, counts(database_url)) == (1, {}), done.stderr
    issue = json.loads(refused.read_text())["issues"][0]
    assert expression is None or issue["expression"] == expression
    assert said in issue["diagnostics"]
    assert expression is None or "Bundle.entry[" not in issue["diagnostics"]


def test_a_reference_to_nothing_is_named(database_url: str, tmp_path: Path) -> None:
    file = lines(tmp_path / "a.ndjson", observation("o", "Patient/nobody"))
    done = command("load", "--database-url", database_url, str(file))
    assert done.returncode == 0
    assert b"Patient/nobody" in done.stderr


def has_processes(pid: int) -> bool:
    """Tell whether the processes that store have been started; they import for a while."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    lines = (Path(f"/proc/{child}/cmdline").read_bytes() for child in children)
    return any(b"spawn_main" in line for line in lines)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes by /proc")
def test_an_interruption_while_processes_start_is_no_traceback(
    database_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(command("sample-data", "--patients", "5").stdout)
    words = (sys.executable, "-m", "fhirserver", "load", "--database-url", database_url, str(file))
    loading = subprocess.Popen(words, stderr=subprocess.PIPE, start_new_session=True)
    wait_for(lambda: has_processes(loading.pid))
    os.killpg(loading.pid, signal.SIGINT)
    said = loading.communicate()[1]
    assert (loading.returncode, b"Traceback" in said) == (130, False), said


def test_an_interrupted_load_goes_on_where_it_stopped(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    file.write_bytes(command("sample-data", "--patients", "30").stdout)
    words = (sys.executable, "-m", "fhirserver", "load", "--database-url", database_url, str(file))
    loading = subprocess.Popen(words, stderr=subprocess.PIPE, start_new_session=True)
    wait_for(lambda: bool(counts(database_url)))
    os.killpg(loading.pid, signal.SIGINT)
    said = loading.communicate()[1]
    assert (loading.returncode, b"Traceback" in said) == (130, False), said
    assert b"interrupted: the same command goes on" in said
    done = command(*words[3:])
    assert (done.returncode, LOADED in done.stderr) == (0, True)
    whole = command("sample-data", "--patients", "30", "--resources").stdout
    assert counts(database_url) == {1: whole.count(b"\n")}


def test_only_what_this_load_refers_to_is_named(database_url: str, tmp_path: Path) -> None:
    for name in ("nobody", "noone"):
        file = lines(tmp_path / "a.ndjson", observation(name, f"Patient/{name}"))
        done = command("load", "--database-url", database_url, str(file))
        assert (b"nobody" in done.stderr, b"noone" in done.stderr) == (
            name == "nobody",
            name == "noone",
        )


def test_a_file_that_is_cut_off_is_loaded_as_far_as_it_goes_and_named(
    database_url: str, tmp_path: Path
) -> None:
    whole = b"".join(
        json.dumps(patient(f"p{number}", language=f"x-{7**number:060x}"[:20])).encode() + b"\n"
        for number in range(2000)
    )
    packed = gzip.compress(whole)
    (tmp_path / "a.ndjson.gz").write_bytes(packed[: len(packed) // 2])
    lines(tmp_path / "b.ndjson", patient("other"))
    refused = tmp_path / "refused"
    done = command("load", "--database-url", database_url, "--refused", str(refused), str(tmp_path))
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"a.ndjson.gz after line " in done.stderr
    assert b"cut off" in done.stderr
    assert stored(database_url, "p0")
    assert stored(database_url, "other")
    assert json.loads(refused.read_text())["place"].endswith("a.ndjson.gz")


def test_what_a_directory_holds_besides_is_named_and_xml_is_loaded(
    database_url: str, tmp_path: Path
) -> None:
    xml = '<Patient xmlns="http://hl7.org/fhir"><id value="x1"/><active value="true"/></Patient>'
    (tmp_path / "a.xml").write_text(xml)
    (tmp_path / "empty.ndjson").touch()
    (tmp_path / "notes.txt").touch()
    done = command("load", "--database-url", database_url, str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert stored(database_url, "x1")["active"] is True
    assert b"1 left out: the name must end in " in done.stderr
    assert f"{tmp_path / 'notes.txt'}\n".encode() in done.stderr
    assert b"empty.ndjson: holds no resources" in done.stderr


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
    again = command("export", "--database-url", database_url, "--output", str(out), "--gzip")
    assert (again.returncode, list(out.glob("*.gz"))) == (2, [])
    assert b"holds an earlier export, such as " in again.stderr


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
