"""TestScript/$run to its end: results, cancellation, workers that die or stop.

A lock on Patient/held keeps a script that writes it under way for as long as a test needs.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.client import Answer, Client
from tests.conftest import new_database
from tests.operations.scripts import action, expect, script
from tests.server import ServerProcess
from tests.waiting import wait_for

PATIENT = {"resourceType": "Patient", "active": True}
ELSEWHERE = "http://127.0.0.1:9/fhir/Patient/p"


def writing(id_: str, resource: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Make a script that updates a patient with a fixture."""
    fixture = {"id": "f", "autocreate": False, "autodelete": False, "resource": resource}
    steps = [
        action("update", sourceId="f", resource="Patient", params=f"/{id_}"),
        expect(response="okay"),
    ]
    return script(fixture=[fixture], test=[{"name": "a write", "action": steps}], **more)


WRITES_HELD = writing("held", {"reference": "#held"}, contained=[{**PATIENT, "id": "held"}])
_JOB = """
SELECT job.state, job.attempts FROM job JOIN resource USING (rid) WHERE resource.id = %s
"""


@pytest.fixture(scope="module")
def url(postgres: str) -> str:
    return new_database(postgres)


@contextmanager
def serving(url: str, folder: Path) -> Iterator[ServerProcess]:
    folder.mkdir()
    arguments = ("--database-url", url, "--data-dir", str(folder / "data"), "--workers", "1")
    with ServerProcess(folder / "log", arguments) as running:
        yield running


@pytest.fixture(scope="module")
def running(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with serving(url, tmp_path_factory.mktemp("runs") / "server") as server:
        with server.client() as client:
            for id_ in ("p", "held"):
                assert client.put(f"Patient/{id_}", {**PATIENT, "id": id_}).status == 201
            assert client.put("TestScript/t", script(id="t")).status == 201
        yield server


@pytest.fixture
def client(running: ServerProcess) -> Iterator[Client]:
    with running.client() as opened:
        yield opened


@contextmanager
def held(url: str) -> Iterator[None]:
    """Keep Patient/held from being written."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT 1 FROM resource WHERE id = 'held' FOR UPDATE")
        yield


def start(client: Client, content: Any) -> str:
    """Have a script run and give the address of its report."""
    answer = client.post("TestScript/$run", content)
    assert answer.status == 202, answer.text
    return answer.headers["content-location"]


def ended(client: Client, report: str) -> Any:
    """Wait for a report that is complete or stopped."""

    def ask() -> Any:
        found = client.get(report).json
        return found if found["status"] in ("completed", "stopped") else None

    return wait_for(ask)


def job(url: str, report: str) -> tuple[str, int]:
    with psycopg.connect(url) as connection:
        (found,) = connection.execute(_JOB, (report.rpartition("/")[2],))
    return found


def processes(word: str) -> set[int]:
    """Find what runs with a word in its command line or environment."""
    found = set()
    for entry in Path("/proc").iterdir():
        try:
            known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if entry.name.isdigit() and word.encode() in known and int(entry.name) != os.getpid():
            found.add(int(entry.name))
    return found


def tool(server: ServerProcess) -> set[int]:
    """Find the processes that test a server: the tool, and the tether that holds it."""
    return processes("fhirserver_conformance.cli") & processes(server.base)


def worker(server: ServerProcess) -> int:
    (found,) = processes("worker\0--lifeline") & processes(server.base)
    return found


def reading(params: str, **expected: str) -> Any:
    steps = [action("read", resource="Patient", params=params), expect(**expected)]
    return script(test=[{"name": "a read", "action": steps}])


@pytest.mark.parametrize(
    ("content", "result", "words"),
    [
        pytest.param(reading("/p", response="okay"), "pass", "", id="pass"),
        pytest.param(reading("/none", response="okay"), "fail", "404", id="fail"),
        pytest.param(
            writing("p", {"reference": "Patient/p"}), "pass", "", id="a-fixture-of-this-server"
        ),
        pytest.param(
            script(test=[{"name": "t", "action": [action("read", url=ELSEWHERE)]}]),
            "fail",
            "outside the server under test",
            id="no-other-server",
        ),
    ],
)
def test_a_run_is_completed(
    client: Client, url: str, content: Any, result: str, words: str
) -> None:
    place = start(client, content)
    report = ended(client, place)
    assert (report["status"], report["result"]) == ("completed", result)
    assert words in str(report["test"])
    assert report["tester"] == "anonymous"
    assert job(url, place) == ("done", 1)
    statuses = [
        entry["resource"]["status"] for entry in client.get(f"{place}/_history").json["entry"]
    ]
    assert statuses == ["completed", "in-progress", "waiting"]


def test_a_run_starts_no_runs(client: Client) -> None:
    """Neither by a request of its own nor by one in a batch."""
    entry = {"request": {"method": "POST", "url": "TestScript/again/$run"}}
    batch = {"resourceType": "Bundle", "id": "b", "type": "batch", "entry": [entry]}
    fixture = {"id": "f", "autocreate": False, "autodelete": False, "resource": {"reference": "#b"}}
    asked = [
        action("create", method="post", resource="TestScript", params="/again/$run"),
        expect(response="forbidden"),
        action("batch", sourceId="f"),
        expect(expression="Bundle.entry.response.status.startsWith('4')"),
    ]
    again = script(
        id="again", contained=[batch], fixture=[fixture], test=[{"name": "t", "action": asked}]
    )
    assert client.put("TestScript/again", again).status == 201
    answer = client.post("TestScript/again/$run", None)
    assert answer.status == 202, answer.text
    report = ended(client, answer.headers["content-location"])
    assert (report["status"], report["result"]) == ("completed", "pass"), str(report)
    reports = client.get("TestReport?testscript=TestScript/again").json
    assert reports["total"] == 1


def test_a_stored_script_keeps_its_address(client: Client) -> None:
    answer: Answer = client.request("POST", "TestScript/t/$run", headers={"Content-Length": "0"})
    report = ended(client, answer.headers["content-location"])
    assert report["testScript"]["reference"] == "TestScript/t"
    assert report["result"] == "pass"


def test_a_deleted_report_ends_the_run(running: ServerProcess, client: Client, url: str) -> None:
    with held(url):
        place = start(client, WRITES_HELD)
        wait_for(lambda: len(tool(running)) == 2)
        assert client.delete(place).status == 204
        wait_for(lambda: not tool(running))
        wait_for(lambda: job(url, place)[0] == "cancelled")
    assert client.get(place).status == 410, "it is not written again"


def test_a_worker_that_is_killed_leaves_the_run_to_another(
    running: ServerProcess, client: Client, url: str
) -> None:
    with held(url):
        place = start(client, WRITES_HELD)
        before = wait_for(lambda: found if len(found := tool(running)) == 2 else None)
        os.kill(worker(running), signal.SIGKILL)
        wait_for(lambda: not before & tool(running))
        with psycopg.connect(url) as connection:  # nobody wants to wait for the lease to run out
            connection.execute("UPDATE job SET expires = clock_timestamp() WHERE state = 'running'")
        wait_for(lambda: job(url, place) == ("running", 2))
    assert ended(client, place)["result"] == "pass"
    assert job(url, place) == ("done", 2)


def test_a_stop_leaves_the_run_to_the_next_server(
    running: ServerProcess, client: Client, url: str, tmp_path: Path
) -> None:
    """Runs last: it stops the server that the others use."""
    with held(url):
        place = start(client, WRITES_HELD)
        wait_for(lambda: len(tool(running)) == 2)
        running.signal(signal.SIGTERM)
        wait_for(lambda: job(url, place) == ("waiting", 0))
    assert running.stop() == 0
    assert not tool(running)
    with serving(url, tmp_path / "next") as server, server.client() as next_client:
        path = f"TestReport/{place.rpartition('/')[2]}"
        assert ended(next_client, path)["result"] == "pass"
