"""A thousand updates of one resource at once, over HTTP.

Spec: https://hl7.org/fhir/R4/http.html#concurrency
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.client import Answer, Client
from tests.server import ServerProcess

pytestmark = pytest.mark.usefixtures("clean")

CLIENTS = 32
UPDATES = 1000


def patient(number: int) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "hot", "name": [{"family": f"n{number}"}]}


def all_at_once(server: ServerProcess, if_match: bool) -> list[list[Answer]]:
    """Let every client make its share of the updates, each of another body."""

    def share(first: int) -> list[Answer]:
        answers = []
        with Client(server.base) as client:
            for number in range(first, UPDATES, CLIENTS):
                headers = {}
                if if_match:
                    headers["if_match"] = client.get("Patient/hot").headers["etag"]
                answers.append(client.put("Patient/hot", patient(number), **headers))
        return answers

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(share, range(CLIENTS)))


def versions(client: Client) -> list[dict[str, Any]]:
    """Every version in the history, oldest first."""
    found = []
    following: str | None = "Patient/hot/_history?_sort=_lastUpdated&_count=300"
    while following is not None:
        bundle = client.get(following).json
        found += [entry["resource"] for entry in bundle["entry"]]
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        following = links.get("next")
    return found


def test_without_if_match_every_acknowledged_body_is_a_version(
    server: ServerProcess, client: Client
) -> None:
    answers = [each for share in all_at_once(server, if_match=False) for each in share]
    assert {each.status for each in answers} <= {200, 201}
    stored = versions(client)
    assert [each["meta"]["versionId"] for each in stored] == [
        str(number) for number in range(1, UPDATES + 1)
    ]
    acknowledged = {each.json["meta"]["versionId"]: each.json for each in answers}
    assert {each["meta"]["versionId"]: each for each in stored} == acknowledged


def test_with_if_match_exactly_one_wins_each_version(server: ServerProcess, client: Client) -> None:
    client.put("Patient/hot", patient(UPDATES))
    answers = [each for share in all_at_once(server, if_match=True) for each in share]
    assert {each.status for each in answers} <= {200, 412}
    won = [each.json for each in answers if each.status == 200]
    numbers = sorted(int(each["meta"]["versionId"]) for each in won)
    assert numbers == list(range(2, len(won) + 2))
    stored = versions(client)
    assert len(stored) == len(won) + 1
    assert {each["meta"]["versionId"]: each for each in stored[1:]} == {
        each["meta"]["versionId"]: each for each in won
    }
