"""Histories over HTTP.

Spec: https://hl7.org/fhir/R4/http.html#history
"""

from typing import Any

import pytest

from tests.client import Client
from tests.waiting import wait_for

pytestmark = pytest.mark.usefixtures("clean")


def put(client: Client, type_: str, id_: str, **elements: Any) -> None:
    body = {"resourceType": type_, "id": id_, **elements}
    assert client.put(f"{type_}/{id_}", body).status in (200, 201)


def story(client: Client) -> None:
    put(client, "Patient", "a")
    put(client, "Patient", "a", active=True)
    put(client, "Group", "g", type="person", actual=False)
    assert client.delete("Patient/a").status == 204


def told(bundle: Any) -> list[str]:
    return [
        f"{entry['request']['method']} {entry['request']['url']} {entry['response']['etag']}"
        for entry in bundle.get("entry", [])
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param(
            "Patient/a/_history",
            ['DELETE Patient/a W/"3"', 'PUT Patient/a W/"2"', 'PUT Patient/a W/"1"'],
            id="http.html#history/instance",
        ),
        pytest.param("Group/_history", ['PUT Group/g W/"1"'], id="http.html#history/type"),
        pytest.param(
            "_history",
            ['DELETE Patient/a W/"3"', 'PUT Group/g W/"1"', 'PUT Patient/a W/"2"',
             'PUT Patient/a W/"1"'],
            id="http.html#history/system",
        ),
        pytest.param(
            "Patient/a/_history?_since=2999-01-01T00:00:00Z", [], id="http.html#history/since"
        ),
        pytest.param("Patient/a/_history?_at=1999", [], id="http.html#history/at"),
        pytest.param(
            "Patient/_history?_sort=_lastUpdated",
            ['PUT Patient/a W/"1"', 'PUT Patient/a W/"2"', 'DELETE Patient/a W/"3"'],
            id="http.html#history/sort",
        ),
    ],
)  # fmt: skip
def test_versions_come_newest_first(client: Client, path: str, expected: list[str]) -> None:
    story(client)
    if path.endswith("_sort=_lastUpdated"):
        # Oldest first, the newest are told once all transactions that began before have ended.
        wait_for(lambda: told(client.get(path).json) == expected)
    answer = client.get(path)
    assert answer.status == 200, answer.text
    assert answer.json["type"] == "history"
    assert told(answer.json) == expected
    for entry in answer.json.get("entry", []):
        assert ("resource" in entry) == (entry["request"]["method"] != "DELETE")


@pytest.mark.parametrize("sort", ["_sort=-_lastUpdated", "_sort=_lastUpdated"])
@pytest.mark.parametrize("path", ["Patient/a/_history", "Patient/_history", "_history"])
def test_pages_join_to_the_whole(client: Client, path: str, sort: str) -> None:
    story(client)
    whole = told(client.get(f"{path}?{sort}").json)
    pages = []
    following: str | None = f"{path}?{sort}&_count=1"
    while following is not None:
        bundle = client.get(following).json
        assert len(bundle.get("entry", [])) <= 1
        pages += told(bundle)
        links = {link["relation"]: link["url"] for link in bundle["link"]}
        following = links.get("next")
    assert pages == whole


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("Patient/none/_history", 404, id="never stored"),
        pytest.param("Patient/none/_history?_at=2020", 404, id="never stored, filtered"),
        pytest.param("Patient/a/_history?_since=x", 400, id="wrong instant"),
        pytest.param("Patient/a/_history?_count=-1", 400, id="negative count"),
        pytest.param("Patient/a/_history?_sort=name", 400, id="another order"),
        pytest.param("Patient/a/_history?_count=1&_count=2", 400, id="given twice"),
        pytest.param("Patient/a/_history?name=x", 400, id="unknown parameter"),
        pytest.param("Patient/a/_history?_page=xyz", 400, id="forged page"),
    ],
)
def test_wrong_histories_are_refused(client: Client, path: str, status: int) -> None:
    story(client)
    assert client.get(path).status == status


def test_the_history_of_an_instance_is_counted(client: Client) -> None:
    story(client)
    assert client.get("Patient/a/_history?_count=0").json["total"] == 3
