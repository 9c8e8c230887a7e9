"""Prefer: respond-async to its end: answers, cancellation, limits, workers that die.

A lock on the audit table keeps searches from ending, one on Patient/held the writes of it, for as
long as a test needs.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.app.test_test_run import held, processes
from tests.client import Answer, Client
from tests.conftest import new_database
from tests.server import ServerProcess
from tests.waiting import wait_for

LATER = {"Prefer": "respond-async"}
LIMIT = 6
LIMIT_BYTES = 40_000
JOBS = 3
SETTINGS = {
    "FHIRSERVER_ASYNC_RESULT_LIMIT": str(LIMIT),
    "FHIRSERVER_ASYNC_RESULT_LIMIT_BYTES": str(LIMIT_BYTES),
    "FHIRSERVER_JOB_LIMIT": str(JOBS),
    "FHIRSERVER_PAGE_SIZE": "2",
}
_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
    AND application_name <> 'fhirserver-jobs'
"""
_AUDITED = """
SELECT interaction, actor, client, tid, outcome, matches, query FROM audit
WHERE request_id = %s ORDER BY id
"""


@pytest.fixture(scope="module")
def url(postgres: str) -> str:
    return new_database(postgres)


@pytest.fixture(scope="module")
def running(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("async")
    arguments = ("--database-url", url, "--data-dir", str(folder / "data"), "--workers", "1")
    with ServerProcess(folder / "log", arguments, SETTINGS) as server:
        with server.client() as client:
            assert client.put("Patient/held", patient("held")).status == 201
            for id_ in "abcd":
                assert client.put(f"Patient/{id_}", patient(id_)).status == 201
            assert client.put("Observation/o", OBSERVATION).status == 201
        yield server


@pytest.fixture
def client(running: ServerProcess) -> Iterator[Client]:
    with running.client() as opened:
        yield opened


OBSERVATION = {
    "resourceType": "Observation",
    "id": "o",
    "status": "final",
    "code": {"text": "x"},
    "subject": {"reference": "Patient/a"},
}


def patient(id_: str, family: str = "seeded") -> dict[str, Any]:
    return {"resourceType": "Patient", "id": id_, "name": [{"family": family}]}


def bundle(type_: str, *entries: tuple[str, str, Any]) -> dict[str, Any]:
    """Make a Bundle of (method, url, resource)."""
    return {
        "resourceType": "Bundle",
        "type": type_,
        "entry": [
            {"request": {"method": method, "url": url}}
            | ({} if resource is None else {"resource": resource})
            for method, url, resource in entries
        ],
    }


def ask(
    client: Client, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Answer:
    if isinstance(body, str):
        headers = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        body = body.encode()
    return client.request(method, path, body, headers=headers)


def start(client: Client, method: str, path: str, body: Any = None, **more: str) -> str:
    """Have a request answered later and give the address where it is followed."""
    answer = ask(client, method, path, body, {**LATER, **more})
    assert answer.status == 202, answer.text
    assert answer.headers["preference-applied"].startswith("respond-async")
    return answer.headers["content-location"]


def finished(client: Client, place: str) -> Answer:
    """Wait for the answer."""

    def look() -> Answer | None:
        found = client.get(place)
        assert found.status in (200, 202), found.text
        return found if found.status == 200 else None

    return wait_for(look)


def outcome(client: Client, place: str) -> Any:
    """Wait for the answer and give its one entry."""
    answer = finished(client, place).json
    assert (answer["resourceType"], answer["type"]) == ("Bundle", "batch-response")
    (entry,) = answer["entry"]
    return entry


def running_worker(server: ServerProcess) -> int:
    (found,) = processes("worker\0--lifeline") & processes(server.base)
    return found


@contextmanager
def unaudited(url: str) -> Iterator[None]:
    """Keep whatever is audited from ending."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def unread(url: str) -> Iterator[None]:
    """Keep searches by strings from ending; refusals are told meanwhile."""
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE string IN ACCESS EXCLUSIVE MODE")
        yield


def waiting(url: str) -> int:
    with psycopg.connect(url) as connection:
        (found,) = connection.execute(_WAITING).fetchone() or (0,)
    return int(found)


def kill_worker(server: ServerProcess, url: str) -> None:
    """Kill the worker, and let its job go at once; its lease would last for seconds."""
    os.kill(running_worker(server), signal.SIGKILL)
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE job SET expires = clock_timestamp() WHERE state = 'running'")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("GET", "Patient?family=seeded&_count=5", None, id="search-type"),
        pytest.param("POST", "Patient/_search?_count=5", "family=seeded", id="search-by-form"),
        pytest.param("GET", "Patient/a/Observation?_count=5", None, id="search-compartment"),
        pytest.param("GET", "Patient/a/*?_count=5", None, id="search-compartment-all"),
        pytest.param("GET", "?_type=Observation&_count=5", None, id="search-system"),
        pytest.param("GET", "Patient?_count=0", None, id="total-only"),
        pytest.param("GET", "Patient/a/_history?_count=5", None, id="history-instance"),
        pytest.param("GET", "Observation/_history?_count=5", None, id="history-type"),
        pytest.param("GET", "Patient/a/_history?_since=2020-01-01", None, id="history-since"),
        pytest.param(
            "POST",
            "",
            bundle("batch", ("GET", "Patient/a", None), ("GET", "Patient/none", None)),
            id="batch",
        ),
        pytest.param(
            "POST", "", bundle("transaction", ("GET", "Patient/a", None)), id="transaction"
        ),
    ],
)
def test_the_answer_is_the_one_of_a_caller_who_waits(
    client: Client, url: str, method: str, path: str, body: Any
) -> None:
    """The resource is the same, and so are the audit rows."""
    ids = [secrets.token_hex(8) for _ in range(2)]
    at_once = ask(client, method, path, body, {"X-Request-Id": ids[0]})
    assert at_once.status == 200, at_once.text
    place = start(client, method, path, body, **{"X-Request-Id": ids[1]})
    entry = outcome(client, place)
    assert entry["response"]["status"] == "200 OK"
    assert entry["resource"] == at_once.json
    with psycopg.connect(url) as connection:
        rows = [connection.execute(_AUDITED, (each,)).fetchall() for each in ids]
    assert rows[0]
    assert rows[0] == rows[1]
    assert client.delete(place).status == 202
    assert client.get(place).status == 404


def test_a_lenient_search_says_what_it_left_out(client: Client) -> None:
    place = start(client, "GET", "Patient?nonsense=1", Prefer="respond-async, handling=lenient")
    found = outcome(client, place)["resource"]
    assert "nonsense" in str(
        [each for each in found["entry"] if each["search"]["mode"] == "outcome"]
    )


def test_the_answer_comes_in_the_format_that_is_wanted(client: Client) -> None:
    place = start(client, "GET", "Patient?_id=a")
    answer = finished(client, place)
    assert answer.headers["expires"]
    xml = client.request("GET", place, headers={"Accept": "application/fhir+xml"})
    assert '<type value="batch-response"/>' in xml.text


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        pytest.param("GET", "Patient?nonsense=1", None, 400, "nonsense", id="parameter"),
        pytest.param("GET", "Patient?birthdate=x", None, 400, "birthdate", id="value"),
        pytest.param("GET", "Patient?_page=x", None, 400, "_page", id="paging-link"),
        pytest.param("GET", "Patient/_history?_page=x", None, 400, "_page", id="history-link"),
        pytest.param("GET", "Patient/_history?_since=x", None, 400, "_since", id="history-value"),
        pytest.param("GET", "Patient/a/Binary", None, 404, "compartment", id="compartment"),
        pytest.param("POST", "", bundle("history"), 400, "Bundle.type", id="type-of-bundle"),
        pytest.param(
            "POST",
            "",
            bundle("transaction", ("PUT", "Patient/q", {**patient("q"), "gender": "x"})),
            422,
            "gender",
            id="content-of-a-transaction",
        ),
    ],
)
def test_what_is_wrong_with_a_request_is_said_at_once(
    client: Client, method: str, path: str, body: Any, status: int, words: str
) -> None:
    answer = ask(client, method, path, body, LATER)
    assert answer.status == status, answer.text
    assert words in answer.text


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        pytest.param("GET", "Patient/none/_history", None, "404 Not Found", id="history"),
        pytest.param(
            "POST",
            "",
            bundle("transaction", ("PUT", "Observation/o2", {**OBSERVATION, "id": "o2",
                   "subject": {"reference": "Patient/none"}})),
            "409 Conflict",
            id="a-transaction-that-fails",
        ),
    ],
)  # fmt: skip
def test_an_error_found_later_is_the_answer(
    client: Client, method: str, path: str, body: Any, status: str
) -> None:
    response = outcome(client, start(client, method, path, body))["response"]
    assert response["status"] == status
    assert response["outcome"]["issue"][0]["severity"] == "error"


@pytest.mark.parametrize(
    ("method", "path", "body", "kind"),
    [
        pytest.param("GET", "metadata", None, "CapabilityStatement", id="capabilities"),
        pytest.param("GET", "Patient/a", None, "Patient", id="read"),
    ],
)
def test_other_interactions_answer_at_once_and_do_not_say_otherwise(
    client: Client, method: str, path: str, body: Any, kind: str
) -> None:
    answer = ask(client, method, path, body, LATER)
    assert (answer.status, answer.json["resourceType"]) == (200, kind)
    assert "preference-applied" not in answer.headers


def test_answers_are_whole_up_to_a_limit_that_is_named(client: Client) -> None:
    place = start(client, "GET", "Patient?family=seeded")
    found = outcome(client, place)
    assert len(found["resource"]["entry"]) == found["resource"]["total"] == 5
    assert "outcome" not in found["response"], "all of it, in spite of the size of a page"
    versions = bundle(
        "batch", *(("PUT", "Patient/many", patient("many", f"v{n}")) for n in range(8))
    )
    assert client.post("", versions).status == 200
    cut = outcome(client, start(client, "GET", "Patient/many/_history"))
    assert len(cut["resource"]["entry"]) == LIMIT
    assert cut["resource"]["total"] == 8
    assert [each["relation"] for each in cut["resource"]["link"]] == ["self"]
    assert "FHIRSERVER_ASYNC_RESULT_LIMIT" in str(cut["response"]["outcome"])
    counted = outcome(client, start(client, "GET", "Patient?family=seeded&_count=3"))
    assert len(counted["resource"]["entry"]) == 3
    assert "first 3" in str(counted["response"]["outcome"])


def test_an_answer_that_is_too_large_is_refused_and_its_transaction_undone(client: Client) -> None:
    large = patient("large", "large") | {"address": [{"text": "x" * LIMIT_BYTES}]}
    assert client.put("Patient/large", large).status == 201
    refused = outcome(client, start(client, "GET", "Patient?_id=large"))["response"]
    assert refused["status"].startswith("413")
    assert "FHIRSERVER_ASYNC_RESULT_LIMIT_BYTES" in str(refused["outcome"])
    both = (("PUT", "Patient/beside", patient("beside")), ("GET", "Patient/large", None))
    undone = outcome(client, start(client, "POST", "", bundle("transaction", *both)))["response"]
    assert undone["status"].startswith("413")
    assert client.get("Patient/beside").status == 404
    answers = outcome(client, start(client, "POST", "", bundle("batch", *both)))["resource"][
        "entry"
    ]
    assert [each["response"]["status"][:3] for each in answers] == ["201", "413"]


def test_a_caller_has_so_many_and_no_more(client: Client, url: str) -> None:
    with unread(url):
        places = [start(client, "GET", "Patient?family=a") for _ in range(JOBS)]
        refused = ask(client, "GET", "Patient?family=a", headers=LATER)
        assert refused.status == 429
        assert refused.headers["retry-after"]
        assert client.delete(places.pop()).status == 202
        places.append(start(client, "GET", "Patient?family=b"))
    for place in places:
        assert outcome(client, place)["response"]["status"] == "200 OK"


def test_one_that_is_cancelled_ends_in_the_middle_of_its_statement(
    client: Client, url: str
) -> None:
    with unread(url):
        place = start(client, "GET", "Patient?family=seeded")
        wait_for(lambda: waiting(url))
        pending = client.get(place)
        assert (pending.status, pending.headers["x-progress"]) == (202, "running")
        assert int(pending.headers["retry-after"]) > 0
        assert client.delete(place).status == 202
        assert client.get(place).status == 404
        assert client.delete(place).status == 404
        wait_for(lambda: not waiting(url))


def test_a_search_is_run_again_after_its_worker_was_killed(
    running: ServerProcess, client: Client, url: str
) -> None:
    with unaudited(url):
        place = start(client, "GET", "Patient?_id=a")
        wait_for(lambda: waiting(url))
        kill_worker(running, url)
        wait_for(lambda: attempts(url) == 2)
    assert outcome(client, place)["resource"]["total"] == 1


@pytest.mark.parametrize("type_", ["batch", "transaction"])
def test_a_write_takes_effect_once_after_its_worker_was_killed(
    running: ServerProcess, client: Client, url: str, type_: str
) -> None:
    """The create is done, and the update under way, when the worker dies."""
    content = bundle(
        type_,
        ("POST", "Patient", patient("", type_) | {"id": "x"}),
        ("PUT", "Patient/held", patient("held", type_)),
    )
    with held(url):
        place = start(client, "POST", "", content)
        wait_for(lambda: waiting(url))
        if type_ == "batch":
            assert client.get(place).headers["x-progress"] == "running, entries done: 1"
        kill_worker(running, url)
        wait_for(lambda: attempts(url) == 2)
    answers = outcome(client, place)["resource"]["entry"]
    assert [each["response"]["status"][:3] for each in answers] == ["201", "200"]
    found = client.get(f"Patient?family={type_}&_sort=_id").json
    assert found["total"] == 2, "one created, one updated"
    created = answers[0]["response"]["location"].split("/")[1]
    assert {each["resource"]["id"] for each in found["entry"]} == {created, "held"}


@pytest.mark.parametrize("type_", ["batch", "transaction"])
def test_what_is_written_later_is_stored_with_its_provenance(client: Client, type_: str) -> None:
    agent = [{"who": {"display": "Dr. M"}}]
    provenance = {
        "resourceType": "Provenance", "recorded": "2026-05-01T10:00:00Z", "agent": agent
    }  # fmt: skip
    id_ = f"told-{type_}"
    content = bundle(type_, ("PUT", f"Patient/{id_}", patient(id_)))
    outcome(client, start(client, "POST", "", content, **{"X-Provenance": json.dumps(provenance)}))
    (found,) = client.search(f"Provenance?target=Patient/{id_}")
    assert found["target"] == [{"reference": f"Patient/{id_}/_history/1"}]


def attempts(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT attempts FROM job WHERE state = 'running'").fetchone()
    return 0 if row is None else int(row[0])
