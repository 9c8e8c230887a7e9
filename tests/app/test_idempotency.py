"""Idempotency-Key under races and kills: what is sent until it is answered is done once.

FHIRSERVER_KEY_ROUNDS scales the races, FHIRSERVER_KEY_KILLS the kills.
"""

from __future__ import annotations

import http.client
import itertools
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import pytest

from tests.app.test_test_run import held, processes
from tests.client import Answer, Client
from tests.conftest import new_database
from tests.server import ServerProcess
from tests.waiting import wait_for

ROUNDS = int(os.environ.get("FHIRSERVER_KEY_ROUNDS", "2"))
KILLS = int(os.environ.get("FHIRSERVER_KEY_KILLS", "3"))
CLIENTS = 12
WRITERS = 4
_WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
    AND application_name <> 'fhirserver-jobs'
"""


@pytest.fixture(scope="module")
def url(postgres: str) -> str:
    return new_database(postgres)


@pytest.fixture(scope="module")
def running(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("idempotency")
    arguments = ("--database-url", url, "--data-dir", str(folder / "data"), "--workers", "2")
    with ServerProcess(folder / "log", arguments) as server:
        with server.client() as client:
            assert client.put("Patient/held", patient("held", id="held")).status == 201
        yield server


def patient(tag: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "identifier": [{"system": "urn:k", "value": tag}], **more}


def bundle(type_: str, *entries: tuple[str, str, Any]) -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": type_,
        "entry": [
            {"request": {"method": method, "url": url}, "resource": resource}
            for method, url, resource in entries
        ],
    }


def created(client: Client, tag: str) -> int:
    total: int = client.get(f"Patient?identifier=urn:k|{tag}&_summary=count").json["total"]
    return total


def insist(server: ServerProcess, path: str, body: Any, key: str) -> Answer:
    """Send a request again until somebody answers it."""

    def attempt() -> Answer | None:
        try:
            with server.client() as client:
                answer = client.post(path, body, idempotency_key=key)
        except (OSError, http.client.HTTPException):
            return None
        if answer.status in (409, 503):
            assert answer.headers["retry-after"]
            return None
        return answer

    return wait_for(attempt)


@pytest.mark.parametrize("kind", ["create", "transaction", "batch"])
def test_many_at_once_do_it_once_and_have_one_answer(running: ServerProcess, kind: str) -> None:
    for number in range(ROUNDS):
        tag = f"race-{kind}-{number}"
        single = ("POST", "Patient", patient(tag))
        path, body = ("Patient", single[2]) if kind == "create" else ("", bundle(kind, single))
        with ThreadPoolExecutor(CLIENTS) as pool:
            under_way = [pool.submit(insist, running, path, body, tag) for _ in range(CLIENTS)]
        answers = [each.result() for each in under_way]
        assert {each.status for each in answers} == {201 if kind == "create" else 200}
        assert len({each.body for each in answers}) == 1
        replayed = Counter(each.headers.get("idempotency-replayed") for each in answers)
        assert replayed == {None: 1, "true": CLIENTS - 1}
        with running.client() as client:
            assert created(client, tag) == 1


def test_one_under_way_is_told_of(running: ServerProcess, url: str) -> None:
    body = bundle("transaction", ("PUT", "Patient/held", patient("told", id="held")))
    with running.client() as first, running.client() as second, ThreadPoolExecutor(1) as pool:
        with held(url):
            waiting = pool.submit(first.post, "", body, idempotency_key="told")
            wait_for(lambda: waits(url))
            refused = second.post("", body, idempotency_key="told")
        assert (refused.status, refused.headers["retry-after"]) == (409, "1")
        assert refused.json["issue"][0]["expression"] == ["http.Idempotency-Key"]
        assert waiting.result().status == 200


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_a_worker_that_is_killed_in_the_middle_leaves_nothing_to_be_done_twice(
    running: ServerProcess, url: str, kind: str
) -> None:
    """The create is done, and the update under way, when the worker dies."""
    tag = f"killed-{kind}"
    body = bundle(
        kind, ("POST", "Patient", patient(tag)), ("PUT", "Patient/held", patient(tag, id="held"))
    )
    with ThreadPoolExecutor(1) as pool:
        with held(url):
            answer = pool.submit(insist, running, "", body, tag)
            wait_for(lambda: waits(url))
            kill_workers(running)
        statuses = [each["response"]["status"][:3] for each in answer.result().json["entry"]]
    assert statuses == ["201", "200"]
    with running.client() as client:
        assert created(client, tag) == 2, "one created, one updated"
        again = client.post("", body, idempotency_key=tag)
        assert again.body == answer.result().body


def test_kills_at_any_moment_make_nothing_twice_and_lose_nothing(running: ServerProcess) -> None:
    """The next kill comes a moment after somebody was answered: a server restarts ever later."""
    over = threading.Event()
    chance = random.Random()
    tags: list[str] = []

    def write(writer: int) -> None:
        for number in itertools.count():
            if over.is_set():
                return
            tag = f"any-{writer}-{number}"
            assert insist(running, "Patient", patient(tag), tag).status == 201
            tags.append(tag)

    with ThreadPoolExecutor(WRITERS) as pool:
        writers = [pool.submit(write, number) for number in range(WRITERS)]
        try:
            for _ in range(KILLS):
                answered = len(tags)
                wait_for(partial(more_than, answered, tags))
                over.wait(chance.uniform(0, 0.5))
                kill_workers(running)
        finally:
            over.set()
        for writer in writers:
            writer.result()
    assert len(tags) >= WRITERS
    with running.client() as client:
        assert {tag: created(client, tag) for tag in tags} == dict.fromkeys(tags, 1)


def more_than(count: int, tags: list[str]) -> bool:
    return len(tags) > count


def waits(url: str) -> int:
    with psycopg.connect(url) as connection:
        (found,) = connection.execute(_WAITING).fetchone() or (0,)
    return int(found)


def kill_workers(server: ServerProcess) -> None:
    """Kill the web workers; one that starts just then may escape."""
    victims = wait_for(lambda: processes("fhirserver.web") & processes(server.base))
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
