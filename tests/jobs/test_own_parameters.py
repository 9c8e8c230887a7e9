"""Indexing for a search parameter survives its worker: kill -9 in the middle, and go on."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg

from tests.client import Client
from tests.conftest import new_database
from tests.server import ServerProcess
from tests.waiting import wait_for

PATIENTS = 6000
DEFINITION = {
    "resourceType": "SearchParameter",
    "id": "name-use",
    "url": "http://example.org/name-use",
    "name": "NameUse",
    "status": "active",
    "description": "own",
    "code": "name-use",
    "base": ["Patient"],
    "type": "token",
    "expression": "Patient.name.use",
}
_FILL = """
INSERT INTO resource (rid, pat, updated, version, tid, state, method, extractor, id, present, body,
                      keys)
SELECT 1000000 + n, 1000000 + n, updated, 1, tid, 1, method, extractor, 'copy-' || n, present,
       convert_to(replace(convert_from(body, 'UTF8'), '"one"', '"copy-' || n || '"'), 'UTF8'), keys
FROM resource, generate_series(1, %s) n WHERE id = 'one'
"""


def worker_of(supervisor: int) -> int:
    """Find the supervisor's process of background work."""
    for entry in Path("/proc").iterdir():
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError, IndexError):
            continue
        if parent == supervisor and b"worker" in command:
            return int(entry.name)
    return 0


def progress(client: Client) -> tuple[str, int]:
    """Tell the parameter's state and percent."""
    (parameter,) = client.get("SearchParameter/name-use/$status").json["parameter"]
    told = {part["name"]: part for part in parameter["part"]}
    return told["state"]["valueCode"], told["percent"]["valueInteger"]


def test_killed_workers_are_followed_by_others_that_go_on(postgres: str, tmp_path: Path) -> None:
    url = new_database(postgres)
    arguments = ("--database-url", url, "--data-dir", str(tmp_path / "data"), "--workers", "1")
    with ServerProcess(tmp_path / "log", arguments) as server, server.client() as client:
        one = {"resourceType": "Patient", "id": "one", "name": [{"use": "old"}]}
        assert client.put("Patient/one", one).status == 201
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(_FILL, (PATIENTS,))
        assert client.put("SearchParameter/name-use", DEFINITION).status == 201
        worker = wait_for(lambda: worker_of(server.process.pid))
        wait_for(lambda: progress(client)[1] > 0)
        os.kill(worker, signal.SIGKILL)
        assert progress(client)[0] == "indexing"
        assert client.get("Patient?name-use=old").status == 503
        wait_for(lambda: progress(client)[0] == "active", 90.0)
        assert client.get("Patient?name-use=old&_summary=count").json["total"] == PATIENTS + 1
