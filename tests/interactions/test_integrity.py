"""References to nothing, and deletes of what is referred to, by every way of writing.

Rows of the first table are what a reference may say; each is tried as a create, an update, a
conditional update, a patch, and an entry of a batch and of a transaction, where integrity is
enforced, warned of and off. Nothing that is refused is stored.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.client import Answer, Client
from tests.conftest import truncate_all
from tests.server import ServerProcess

JSON_PATCH = "application/json-patch+json"
OUTCOME = "return=OperationOutcome"
_numbers = itertools.count()

REFERENCES = [
    pytest.param("Patient/here", True, id="references.html#literal"),
    pytest.param("Patient/absent", False, id="references.html#literal-absent"),
    pytest.param("Patient/gone", False, id="deleted"),
    pytest.param("Patient/here/_history/1", True, id="references.html#version"),
    pytest.param("Patient/here/_history/9", True, id="version-is-not-checked"),
    pytest.param("Patient/absent/_history/1", False, id="version-of-nothing"),
    pytest.param("{base}/Patient/here", True, id="own-base"),
    pytest.param("{base}/Patient/absent", False, id="own-base-absent"),
    pytest.param("HTTP://{host}/fhir/Patient/absent", False, id="own-base-scheme-in-upper-case"),
    pytest.param("{base}/Patient/a b", False, id="own-base-no-id"),
    pytest.param("{base}/Patient", False, id="own-base-without-id"),
    pytest.param("{base}/Patent/1", False, id="own-base-no-type"),
    pytest.param("{base}/Patient/here/x", False, id="own-base-and-more"),
    pytest.param("http://elsewhere.example/fhir/Patient/absent", True, id="another-server"),
    pytest.param("urn:oid:1.2.36", True, id="urn"),
]


@pytest.fixture(scope="module")
def clients(
    server: ServerProcess, server_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Client]]:
    """A server for each setting, all on one database."""
    truncate_all(server_database_url)
    opened = {"enforce": server.client()}
    folder = tmp_path_factory.mktemp("integrity")
    arguments = ("--database-url", server_database_url, "--data-dir", str(folder / "data"))
    running = []
    for setting in ("warn", "off"):
        environment = {"FHIRSERVER_REFERENTIAL_INTEGRITY": setting}
        more = ServerProcess(
            folder / setting, (*arguments, "--workers", "1", "--no-jobs"), environment
        )
        running.append(more)
        opened[setting] = more.__enter__().client()
    for id_ in ("here", "gone"):
        opened["off"].put(f"Patient/{id_}", {"resourceType": "Patient", "id": id_})
    opened["off"].delete("Patient/gone")
    yield opened
    for client in opened.values():
        client.connection.close()
    for each in running:
        each.stop()


def basic(id_: str, reference: str | None) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Basic",
        "id": id_,
        "identifier": [{"system": "urn:integrity", "value": id_}],
        "code": {"text": "x"},
    }
    return made if reference is None else {**made, "subject": {"reference": reference}}


def create(client: Client, id_: str, reference: str) -> Answer:
    body = basic(id_, reference)
    del body["id"]
    return client.post("Basic", body, prefer=OUTCOME)


def update(client: Client, id_: str, reference: str) -> Answer:
    return client.put(f"Basic/{id_}", basic(id_, reference), prefer=OUTCOME)


def conditional_update(client: Client, id_: str, reference: str) -> Answer:
    path = f"Basic?identifier=urn:integrity%7C{id_}"
    return client.put(path, basic(id_, reference), prefer=OUTCOME)


def patch(client: Client, id_: str, reference: str) -> Answer:
    assert client.put(f"Basic/{id_}", basic(id_, None)).status == 201
    added = {"op": "add", "path": "/subject", "value": {"reference": reference}}
    return client.patch(f"Basic/{id_}", [added], content_type=JSON_PATCH, prefer=OUTCOME)


def entry(client: Client, id_: str, reference: str, kind: str) -> Answer:
    request = {"method": "PUT", "url": f"Basic/{id_}"}
    entries = [{"resource": basic(id_, reference), "request": request}]
    bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
    return client.post("", bundle, prefer=OUTCOME)


def batch(client: Client, id_: str, reference: str) -> Answer:
    return entry(client, id_, reference, "batch")


def transaction(client: Client, id_: str, reference: str) -> Answer:
    return entry(client, id_, reference, "transaction")


WAYS = (create, update, conditional_update, patch, batch, transaction)


def status_of(answer: Answer) -> int:
    """The status of the one write, wherever it is said."""
    entries = answer.json.get("entry")
    return int(entries[0]["response"]["status"][:3]) if entries else answer.status


def issues_of(answer: Answer) -> list[dict[str, Any]]:
    """The issues of the one write that tell of more than success."""
    entries = answer.json.get("entry")
    outcome = entries[0]["response"].get("outcome") if entries else answer.json
    issues = [] if outcome is None else outcome["issue"]
    return [each for each in issues if each["severity"] in ("error", "warning")]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
@pytest.mark.parametrize(("reference", "fine"), REFERENCES)
def test_references(
    clients: dict[str, Client],
    server: ServerProcess,
    way: Callable[[Client, str, str], Answer],
    reference: str,
    fine: bool,
) -> None:
    named = reference.format(base=server.base, host=urlsplit(server.base).netloc)
    for setting, client in clients.items():
        if "{" in reference and setting != "enforce":
            continue  # those servers have another base
        id_ = f"r{next(_numbers)}"
        answer = way(client, id_, named)
        found = issues_of(answer)
        if fine or setting == "off":
            assert status_of(answer) in (200, 201), answer.text
            assert found == []
            continue
        assert found[0]["code"] == "not-found"
        place = "Bundle.entry[0].resource.subject" if way is transaction else "Basic.subject"
        assert found[0]["expression"][0].endswith(place.rpartition(".")[2])
        assert named.removeprefix(server.base + "/")[-14:] in found[0]["diagnostics"] or (
            "Patient/absent" in found[0]["diagnostics"]
        )
        assert found[0]["severity"] == ("error" if setting == "enforce" else "warning")
        assert status_of(answer) in ((409,) if setting == "enforce" else (200, 201)), answer.text
        subjects = [each.get("subject") for each in client.search(f"Basic?identifier={id_}")]
        assert (
            subjects
            == {
                "enforce": [None] if way is patch else [],
                "warn": [{"reference": named}],
            }[setting]
        )


@pytest.mark.parametrize(
    ("content", "path"),
    [
        pytest.param(
            {"author": {"identifier": {"system": "s", "value": "absent"}}}, None, id="logical"
        ),
        pytest.param(
            {"meta": {"profile": ["http://x/StructureDefinition/y"]}}, None, id="canonical"
        ),
        pytest.param(
            {
                "contained": [{"resourceType": "Practitioner", "id": "p"}],
                "author": {"reference": "#p"},
            },
            None,
            id="contained",
        ),
        pytest.param(
            {
                "contained": [
                    {
                        "resourceType": "PractitionerRole",
                        "id": "p",
                        "practitioner": {"reference": "Practitioner/absent"},
                    }
                ],
                "author": {"reference": "#p"},
            },
            "Basic.contained[0].practitioner",
            id="inside-a-contained-resource",
        ),
        pytest.param(
            {"extension": [{"url": "http://x", "valueReference": {"reference": "Patient/absent"}}]},
            "Basic.extension[0].value",
            id="extension",
        ),
        pytest.param(
            {
                "created": "2026",
                "_created": {
                    "extension": [
                        {"url": "http://x", "valueReference": {"reference": "Patient/absent"}}
                    ]
                },
            },
            "Basic.created.extension[0].value",
            id="extension-of-a-primitive",
        ),
    ],
)
def test_where_references_stand(
    clients: dict[str, Client], content: dict[str, Any], path: str | None
) -> None:
    id_ = f"w{next(_numbers)}"
    answer = clients["enforce"].put(f"Basic/{id_}", {**basic(id_, None), **content})
    if path is None:
        assert answer.status == 201, answer.text
    else:
        assert answer.status == 409
        assert answer.json["issue"][0]["expression"] == [path]


@pytest.mark.parametrize(("setting", "status"), [("enforce", 409), ("warn", 200), ("off", 200)])
@pytest.mark.parametrize("way", ["delete", "conditional", "transaction"])
def test_deletes_of_what_is_referred_to(
    clients: dict[str, Client], setting: str, status: int, way: str
) -> None:
    client, number = clients[setting], next(_numbers)
    target, referrer = f"Patient/t{number}", f"Basic/d{number}"
    patient = {
        "resourceType": "Patient",
        "id": f"t{number}",
        "identifier": [{"value": f"t{number}"}],
    }
    assert client.put(target, patient).status == 201
    assert client.put(referrer, basic(f"d{number}", target)).status == 201
    request = {"method": "DELETE", "url": target}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [{"request": request}]}
    match way:
        case "delete":
            answer = client.delete(target, prefer=OUTCOME)
        case "conditional":
            answer = client.delete(f"Patient?identifier=t{number}", prefer=OUTCOME)
        case _:
            answer = client.post("", bundle, prefer=OUTCOME)
    assert status_of(answer) == status, answer.text
    found = issues_of(answer)
    assert [each["code"] for each in found] == ([] if setting == "off" else ["conflict"])
    assert all(referrer in each["diagnostics"] for each in found)
    assert client.get(target).status == (200 if setting == "enforce" else 410)


@pytest.mark.parametrize(
    ("others", "status"),
    [
        pytest.param("delete", 200, id="referrer-deleted-too"),
        pytest.param("change", 200, id="referrer-changed-too"),
        pytest.param("create", 409, id="referrer-made-by-the-same"),
    ],
)
def test_deletes_in_a_transaction_with_referrers(
    clients: dict[str, Client], others: str, status: int
) -> None:
    client, number = clients["enforce"], next(_numbers)
    target, id_ = f"Patient/t{number}", f"d{number}"
    client.put(target, {"resourceType": "Patient", "id": f"t{number}"})
    if others != "create":
        assert client.put(f"Basic/{id_}", basic(id_, target)).status == 201
    method = "DELETE" if others == "delete" else "PUT"
    second: dict[str, Any] = {"request": {"method": method, "url": f"Basic/{id_}"}}
    if method == "PUT":
        second["resource"] = basic(id_, target if others == "create" else None)
    first = {"request": {"method": "DELETE", "url": target}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [first, second]}
    answer = client.post("", bundle)
    assert answer.status == status, answer.text
    assert client.get(target).status == (410 if status == 200 else 200)


def test_a_refusal_names_nothing_that_the_same_transaction_stores(
    clients: dict[str, Client],
) -> None:
    number = next(_numbers)
    target, id_ = f"Patient/t{number}", f"d{number}"
    referrer = {**basic(id_, target), "author": {"reference": "Practitioner/absent"}}
    entries = [
        {
            "request": {"method": "PUT", "url": target},
            "resource": {"resourceType": "Patient", "id": f"t{number}"},
        },
        {"request": {"method": "PUT", "url": f"Basic/{id_}"}, "resource": referrer},
    ]
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
    answer = clients["enforce"].post("", bundle)
    assert answer.status == 409
    places = [each["expression"] for each in answer.json["issue"]]
    assert places == [["Bundle.entry[1].resource.author"]]


def test_an_update_is_asked_about_what_it_adds(clients: dict[str, Client]) -> None:
    id_ = f"u{next(_numbers)}"
    body = basic(id_, "Patient/absent")
    assert clients["off"].put(f"Basic/{id_}", body).status == 201
    changed = {**body, "code": {"text": "y"}}
    assert clients["enforce"].put(f"Basic/{id_}", changed).status == 200
    added = {**changed, "author": {"reference": "Practitioner/absent"}}
    answer = clients["enforce"].put(f"Basic/{id_}", added)
    assert answer.status == 409
    assert [each["expression"] for each in answer.json["issue"]] == [["Basic.author"]]
