"""Searches of what resources of before have no index rows for yet: all of the answer, or none.

Real servers share a database; the test holds the lease of reindexing until it is to begin. An
answer that is not refused holds everything, at whatever moment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest

from tests.client import Answer, Client
from tests.conftest import new_database
from tests.server import ServerProcess
from tests.waiting import wait_for

HOLD = """
INSERT INTO lease AS held (name, owner, fence, expires) VALUES ('reindex', 'test', 1, 'infinity')
ON CONFLICT (name) DO UPDATE SET owner = 'test', fence = held.fence + 1, expires = 'infinity'
"""
RELEASE = "UPDATE lease SET expires = clock_timestamp() WHERE name = 'reindex'"
Start = Callable[[str], ServerProcess]


def patient(id_: str) -> dict[str, Any]:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">told</div>'
    return {
        "resourceType": "Patient", "id": id_, "name": [{"family": "Written"}],
        "text": {"status": "generated", "div": div},
        "contained": [{"resourceType": "Organization", "id": "o", "name": "Inner"}],
        "managingOrganization": {"reference": "#o"},
    }  # fmt: skip


DOCUMENT = {
    "resourceType": "Bundle", "id": "d", "type": "document",
    "identifier": {"system": "http://s", "value": "1"}, "timestamp": "2024-01-01T00:00:00Z",
    "entry": [{"fullUrl": "urn:uuid:0b0b0b0b-0000-4000-8000-000000000001", "resource": {
        "resourceType": "Composition", "id": "c", "status": "final", "title": "Letter",
        "type": {"text": "letter"}, "date": "2024", "author": [{"display": "somebody"}],
    }}],
}  # fmt: skip
CONTENT = "Patient?_content=written"
TEXT = "Patient?_text=told"
INSIDE = (
    "Organization?_contained=true&name=inner",
    "Organization?_contained=both&name=inner",
    "Bundle?composition=c",
    "Bundle?composition.title=letter",
)
OF_WORDS = (
    CONTENT,
    "?_type=Patient,Bundle&_content=written",
    "Patient?_content:missing=false",
    "Patient?_filter=" + quote('family eq "written" and (active eq true or _content eq "told")'),
    "Patient?_has:Provenance:target:_content=written",
    "Bundle?composition._content=letter",
    "Observation?subject:Patient._content=written",
)
DENIED = tuple(
    "Patient?_filter=" + quote(f"{before}not (organization{chain} eq inner)")
    for before, chain in (("", ".name"), ("name eq written and ", "[name eq inner].name"))
)
ALWAYS = ("Patient?organization.name=inner", "Patient?name=written", "Bundle?type=document")


@pytest.fixture
def url(postgres: str) -> str:
    """A database of its own; the server of the session must not reindex it."""
    return new_database(postgres)


@pytest.fixture
def start(url: str, tmp_path: Path) -> Start:
    """Start a server with a choice of words."""

    def started(full_text: str) -> ServerProcess:
        folder = ("--data-dir", str(tmp_path / full_text), "--workers", "1")
        environment = {"FHIRSERVER_FULL_TEXT": full_text}
        log = tmp_path / f"{full_text}.log"
        return ServerProcess(log, ("--database-url", url, *folder), environment)

    return started


def put(client: Client, resource: dict[str, Any]) -> None:
    answer = client.put(f"{resource['resourceType']}/{resource['id']}", resource)
    assert answer.status in (200, 201), answer.text


def ids(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return sorted(entry["resource"]["id"] for entry in answer.json.get("entry", ()))


def refused(answer: Answer, name: str) -> None:
    assert answer.status == 503, answer.text
    assert int(answer.headers["retry-after"]) > 0
    (issue,) = answer.json["issue"]
    assert issue["code"] == "transient"
    assert f"parameter {name}" in issue["diagnostics"]
    assert "SearchParameter/$status" in issue["diagnostics"]


def progress(client: Client) -> dict[str, tuple[str, str, int]]:
    """Give base, state and percent of what is listed, by code."""
    found = {}
    for parameter in client.get("SearchParameter/$status").json.get("parameter", ()):
        told = {part["name"]: part for part in parameter["part"]}
        found[told["code"]["valueCode"]] = (
            told["base"]["valueCode"], told["state"]["valueCode"], told["percent"]["valueInteger"]
        )  # fmt: skip
    return found


def all_or_nothing(client: Client, query: str, expected: list[str]) -> None:
    """Ask until there is an answer; every one before is a refusal, and the first is whole."""

    def answered() -> Answer | None:
        answer = client.get(query)
        return answer if answer.status != 503 else None

    found = wait_for(answered)
    assert found is not None
    assert ids(found) == expected


def test_words_are_searched_once_every_resource_has_them(url: str, start: Start) -> None:
    with start("text") as server, server.client() as client:
        put(client, patient("p1"))
        put(client, patient("p2"))
        put(client, DOCUMENT)
        assert ids(client.get(TEXT)) == ["p1", "p2"]
        assert client.get(CONTENT).status == 400
        assert progress(client) == {}
    with psycopg.connect(url, autocommit=True) as sql:
        sql.execute(HOLD)
        with start("content") as server, server.client() as client:
            for query in OF_WORDS:
                refused(client.get(query), "_content")
            lenient = client.get(CONTENT, prefer="handling=lenient")
            refused(lenient, "_content")
            created = client.post("Patient", patient("x"), if_none_exist="_content=written")
            refused(created, "_content")
            assert ids(client.get(TEXT)) == ["p1", "p2"]
            assert progress(client) == {"_content": ("Resource", "indexing", 0)}
            put(client, patient("p3"))
            assert progress(client) == {"_content": ("Resource", "indexing", 25)}
            refused(client.get(CONTENT), "_content")
            sql.execute(RELEASE)
            all_or_nothing(client, CONTENT, ["p1", "p2", "p3"])
            assert [client.get(query).status for query in OF_WORDS] == [200] * len(OF_WORDS)
            assert progress(client) == {}

            sql.execute(HOLD)
            with start("text") as older, older.client() as beside:
                put(beside, patient("p4"))
                assert ids(beside.get(TEXT)) == ["p1", "p2", "p3", "p4"]
            refused(client.get(CONTENT), "_content")
            client.delete("Patient/p4")
            assert ids(client.get(CONTENT)) == ["p1", "p2", "p3"]


def test_what_an_upgrade_brings_is_searched_once_every_resource_has_it(
    url: str, start: Start
) -> None:
    """Ordinary searches and chains go on all the time, and so does what was searched before."""
    with start("text") as server, server.client() as client:
        put(client, patient("p"))
        put(client, DOCUMENT)
        with psycopg.connect(url, autocommit=True) as sql:
            sql.execute(HOLD)
            sql.execute("UPDATE resource SET extractor = 4 WHERE id = 'd'")
            for query in INSIDE:
                refused(client.get(query), query.partition("?")[2].partition("=")[0].split(".")[0])
            for denied in DENIED:
                refused(client.get(denied), "_contained")
            for query in (TEXT, *ALWAYS):
                assert client.get(query).json["total"] == 1, query
            part = ("indexing", 50)
            assert progress(client) == {
                "_contained": ("Resource", *part), "composition": ("Bundle", *part),
                "message": ("Bundle", *part),
            }  # fmt: skip
            sql.execute("UPDATE resource SET extractor = 3 WHERE id = 'd'")
            refused(client.get(TEXT), "_text")
            sql.execute(RELEASE)
        all_or_nothing(client, INSIDE[0], ["p"])
        for query in (*INSIDE, TEXT, *ALWAYS):
            assert client.get(query).json["total"] == 1, query
        assert [ids(client.get(query)) for query in DENIED] == [[], []]
