"""transaction: order, links, conditions, all or nothing.

Spec: https://hl7.org/fhir/R4/http.html#trules
"""

import base64
import json
from typing import Any

import pytest

from tests.client import Answer, Client

pytestmark = pytest.mark.usefixtures("clean")
URN = "urn:uuid:11111111-1111-1111-1111-111111111111"


def entry(method: str, url: str, resource: Any = None, **extra: Any) -> dict[str, Any]:
    full_url = extra.pop("full_url", None)
    made: dict[str, Any] = {"request": {"method": method, "url": url, **extra}}
    if resource is not None:
        made["resource"] = resource
    if full_url is not None:
        made["fullUrl"] = full_url
    return made


def patient(value: str = "1", **elements: Any) -> dict[str, Any]:
    identifier = [{"system": "http://s", "value": value}]
    return {"resourceType": "Patient", "identifier": identifier, **elements}


def basic(subject: str, **elements: Any) -> dict[str, Any]:
    body = {"resourceType": "Basic", "code": {"text": "x"}, "subject": {"reference": subject}}
    return {**body, **elements}


def send(client: Client, *entries: Any, **headers: str) -> Answer:
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}
    return client.post("", bundle, **headers)


def statuses(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    assert answer.json["type"] == "transaction-response"
    return [each["response"]["status"][:3] for each in answer.json["entry"]]


def text(answer: Answer) -> str:
    return " ".join(issue["diagnostics"] for issue in answer.json["issue"])


def test_every_link_follows_the_new_id(client: Client) -> None:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><a href="{URN}">p</a></div>'
    body = basic(
        URN,
        text={"status": "generated", "div": div},
        extension=[{"url": "http://x", "valueUri": URN}],
        identifier=[{"system": "urn:ietf:rfc:3986", "value": URN}],
    )
    answer = send(
        client, entry("POST", "Basic", body), entry("POST", "Patient", patient(), full_url=URN)
    )
    assert statuses(answer) == ["201", "201"]
    locations = [each["response"]["location"] for each in answer.json["entry"]]
    assert [location.split("/")[0] for location in locations] == ["Basic", "Patient"]
    target = locations[1].partition("/_history")[0]
    stored = client.get(locations[0]).json
    assert stored["subject"]["reference"] == target
    assert stored["extension"][0]["valueUri"] == target
    assert f'href="{target}"' in stored["text"]["div"]
    assert stored["identifier"][0]["value"] == URN
    assert [each["id"] for each in client.search(f"Basic?subject={target}")] == [stored["id"]]


def test_circles_of_references(client: Client) -> None:
    other = "urn:uuid:2"
    first = patient(link=[{"other": {"reference": other}, "type": "seealso"}])
    second = patient(link=[{"other": {"reference": URN}, "type": "seealso"}])
    answer = send(
        client,
        entry("POST", "Patient", first, full_url=URN),
        entry("POST", "Patient", second, full_url=other),
    )
    assert statuses(answer) == ["201", "201"]


def test_deletes_come_first_and_reads_last(client: Client) -> None:
    client.put("Patient/a", patient(id="a"))
    client.put("Basic/b", basic("Patient/a", id="b"))
    answer = send(
        client,
        entry("GET", "Patient?identifier=http://s|1"),
        entry("PUT", "Patient/c", patient(id="c")),
        entry("POST", "Basic", basic("Patient/c")),
        entry("DELETE", "Patient/a"),
        entry("DELETE", "Basic/b"),
        entry("GET", "Patient/c"),
    )
    assert statuses(answer) == ["200", "201", "201", "204", "204", "200"]
    found = answer.json["entry"][0]["resource"]
    assert [each["resource"]["id"] for each in found["entry"]] == ["c"]
    assert answer.json["entry"][5]["resource"]["id"] == "c"


@pytest.mark.parametrize(
    ("before", "expected", "count"),
    [
        pytest.param((), "201", 1, id="none: created"),
        pytest.param(("p",), "200", 1, id="one: links go to the match"),
        pytest.param(("p", "q"), "412", 2, id="many: refused"),
    ],
)
def test_if_none_exist(client: Client, before: tuple[str, ...], expected: str, count: int) -> None:
    for id_ in before:
        client.put(f"Patient/{id_}", patient(id=id_))
    answer = send(
        client,
        entry("POST", "Patient", patient(), full_url=URN, ifNoneExist="identifier=http://s|1"),
        entry("POST", "Basic", basic(URN)),
    )
    if expected == "412":
        assert answer.status == 412
        assert "Bundle.entry[0]" in text(answer)
        assert client.search("Basic") == []
    else:
        assert statuses(answer) == [expected, "201"]
        (stored,) = client.search("Basic")
        (there,) = client.search("Patient")
        assert stored["subject"]["reference"] == f"Patient/{there['id']}"
    assert len(client.search("Patient")) == count


@pytest.mark.parametrize(
    ("before", "status"),
    [
        pytest.param((), 412, id="none"),
        pytest.param(("p",), 200, id="one"),
        pytest.param(("p", "q"), 412, id="many"),
    ],
)
def test_conditional_references(client: Client, before: tuple[str, ...], status: int) -> None:
    for id_ in before:
        client.put(f"Patient/{id_}", patient(id=id_))
    answer = send(
        client,
        entry("POST", "Basic", basic("Patient?identifier=http://s|1")),
        entry("POST", "Basic", basic("Patient?identifier=http://s|1")),
    )
    assert answer.status == status, answer.text
    if status == 200:
        assert {each["subject"]["reference"] for each in client.search("Basic")} == {"Patient/p"}
    else:
        assert "Bundle.entry[0]" in text(answer)
        assert client.search("Basic") == []


def test_conditional_references_see_the_writes_of_the_bundle(client: Client) -> None:
    client.put("Patient/old", patient("1", id="old"))
    client.put("Patient/gone", patient("2", id="gone"))
    answer = send(
        client,
        entry("POST", "Basic", basic("Patient?identifier=http://s|1", id="x")),
        entry("POST", "Basic", basic("Patient?identifier=http://s|2")),
        entry("PUT", "Patient/old", patient("3", id="old")),
        entry("PUT", "Patient/new", patient("1", id="new")),
        entry("DELETE", "Patient/gone"),
        entry("PUT", "Patient/next", patient("2", id="next")),
    )
    assert statuses(answer) == ["201", "201", "200", "201", "204", "201"]
    targets = {each["subject"]["reference"] for each in client.search("Basic")}
    assert targets == {"Patient/new", "Patient/next"}


def test_conditional_update_and_delete(client: Client) -> None:
    client.put("Patient/a", patient("1", id="a"))
    client.put("Patient/b", patient("2", id="b"))
    answer = send(
        client,
        entry("PUT", "Patient?identifier=http://s|1", patient("1", active=True), full_url=URN),
        entry("DELETE", "Patient?identifier=http://s|2"),
        entry("DELETE", "Patient?identifier=http://s|none"),
        entry("PUT", "Patient?identifier=http://s|4", patient("4")),
        entry("POST", "Basic", basic(URN)),
    )
    assert statuses(answer) == ["200", "204", "204", "201", "201"]
    assert client.get("Patient/a").json["active"] is True
    assert client.get("Patient/b").status == 410
    (stored,) = client.search("Basic")
    assert stored["subject"]["reference"] == "Patient/a"


def test_patch_travels_as_a_binary(client: Client) -> None:
    client.put("Patient/a", patient(id="a"))
    change = json.dumps([{"op": "add", "path": "/active", "value": True}]).encode()
    binary = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(change).decode(),
    }
    assert statuses(send(client, entry("PATCH", "Patient/a", binary))) == ["200"]
    assert client.get("Patient/a").json["active"] is True


def test_version_specific_references_stay_specific(client: Client) -> None:
    client.put("Patient/a", patient(id="a"))
    where = "http://there/fhir"
    answer = send(
        client,
        entry("PUT", "Patient/a", patient(id="a", active=True), full_url=f"{where}/Patient/a"),
        entry(
            "POST",
            "Basic",
            basic("Patient/a/_history/77"),
            full_url=f"{where}/Basic/b",
        ),
    )
    assert statuses(answer) == ["200", "201"]
    (stored,) = client.search("Basic")
    assert stored["subject"]["reference"] == "Patient/a/_history/2"


@pytest.mark.parametrize(
    ("entries", "status", "says"),
    [
        pytest.param(
            [entry("PUT", "Patient/x", patient(id="x")), entry("DELETE", "Patient/x")],
            400, ("Bundle.entry[0]", "Bundle.entry[1]"), id="two writes of one resource",
        ),
        pytest.param(
            [entry("PUT", "Patient/a", patient(id="a")),
             entry("PUT", "Patient?identifier=http://s|1", patient())],
            400, ("Bundle.entry[0]", "Bundle.entry[1]"), id="overlap by condition",
        ),
        pytest.param(
            [entry("POST", "Patient", patient("9"), ifNoneExist="identifier=http://s|9"),
             entry("POST", "Patient", patient("9"), ifNoneExist="identifier=http://s|9")],
            400, ("Bundle.entry[0]", "Bundle.entry[1]"), id="two creates under one condition",
        ),
        pytest.param(
            [entry("POST", "Patient", patient(), full_url=URN),
             entry("POST", "Patient", patient(), full_url=URN)],
            400, ("Bundle.entry[0]", "Bundle.entry[1]"), id="one fullUrl twice",
        ),
        pytest.param(
            [entry("POST", "Patient", patient()), entry("POST", "Patient", patient(active="x"))],
            422, ("Bundle.entry[1]",), id="invalid resource",
        ),
        pytest.param(
            [entry("POST", "Patient", patient()), entry("GET", "Patient/none")],
            404, ("Bundle.entry[1]",), id="a read that fails",
        ),
        pytest.param(
            [entry("PUT", "Patient/a", patient(id="a"), ifMatch='W/"9"')],
            412, ("Bundle.entry[0]",), id="ifMatch",
        ),
        pytest.param(
            [entry("PUT", "Patient/none", patient(id="none"), ifMatch="*")],
            412, ("Bundle.entry[0]",), id="ifMatch-any-of-none",
        ),
        pytest.param(
            [entry("PUT", "Patient/a", patient(id="a"), ifNoneMatch="*")],
            412, ("Bundle.entry[0]",), id="ifNoneMatch",
        ),
        pytest.param(
            [entry("POST", "Patient", patient()), entry("POST", "Basic", basic("Patient/none"))],
            409, ("Bundle.entry[1]", "Patient/none"), id="dangling reference",
        ),
        pytest.param(
            [entry("POST", "Basic", basic(URN))],
            400, ("Bundle.entry[0]",), id="a uuid that is no entry",
        ),
        pytest.param([{"resource": patient()}], 400, ("Bundle.entry[0]",), id="no request"),
        pytest.param(
            [entry("GET", "Patient/a"), entry("LINK", "Patient/a")],
            400, ("Bundle.entry[1]",), id="unknown method",
        ),
        pytest.param([entry("POST", "Patient")], 400, ("Bundle.entry[0]",), id="no resource"),
        pytest.param([entry("POST", "Nothing", {})], 404, ("Bundle.entry[0]",), id="unknown type"),
        pytest.param(
            [entry("PUT", "Patient/a", patient(id="b"))], 400, ("Bundle.entry[0]",), id="other id"
        ),
        pytest.param(["x"], 400, ("Bundle.entry[0]",), id="no object"),
        pytest.param([], 200, (), id="empty"),
    ],
)  # fmt: skip
def test_all_or_nothing(
    client: Client, entries: list[Any], status: int, says: tuple[str, ...]
) -> None:
    client.put("Patient/a", patient(id="a"))
    answer = send(client, *entries)
    assert answer.status == status, answer.text
    for words in says:
        assert words in text(answer)
    if status != 200:
        assert all(issue["expression"] for issue in answer.json["issue"])
        assert [each["meta"]["versionId"] for each in client.search("Patient")] == ["1"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param({"resourceType": "Patient"}, "Bundle", id="another resource"),
        pytest.param({"resourceType": "Bundle"}, "Bundle.type", id="no type"),
        pytest.param({"resourceType": "Bundle", "type": "searchset"}, "searchset", id="other type"),
        pytest.param(
            {"resourceType": "Bundle", "type": "transaction", "entry": {}}, "list", id="no list"
        ),
    ],
)
def test_other_bodies_are_refused(client: Client, body: Any, says: str) -> None:
    answer = client.post("", body)
    assert answer.status == 400
    assert says in text(answer)


def test_updates_that_change_nothing_make_no_version(client: Client) -> None:
    entries = [entry("PUT", f"Patient/{id_}", patient(id=id_)) for id_ in ("a", "b")]
    assert statuses(send(client, *entries)) == ["201", "201"]
    entries[1]["resource"]["active"] = True
    answer = send(client, *entries)
    assert statuses(answer) == ["200", "200"]
    etags = [each["response"]["etag"] for each in answer.json["entry"]]
    assert etags == ['W/"1"', 'W/"2"']


def test_five_thousand_entries(client: Client) -> None:
    entries = [entry("PUT", "Patient/a", patient(id="a"), full_url=URN)]
    entries += [entry("POST", "Basic", basic(URN)) for _ in range(4999)]
    answer = send(client, *entries)
    assert statuses(answer) == ["201"] * 5000
    assert (
        client.get("Basic?subject=Patient/a&_summary=count&_total=accurate").json["total"] == 4999
    )


@pytest.mark.parametrize(
    ("method", "place", "full_url", "reference"),
    [
        pytest.param("POST", "Practitioner", URN, URN, id="create"),
        pytest.param("PUT", "Practitioner/p", URN, URN, id="update"),
        pytest.param("POST", "Practitioner", URN, f"{URN}/_history/1", id="versioned"),
        pytest.param(
            "POST", "Practitioner", "http://there/fhir/Patient/9", "http://there/fhir/Patient/9",
            id="fullUrl of another type",
        ),
    ],
)  # fmt: skip
def test_a_link_to_an_entry_of_a_wrong_type_is_refused(
    client: Client, method: str, place: str, full_url: str, reference: str
) -> None:
    practitioner = {"resourceType": "Practitioner", "id": "p"}
    observation = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": reference},
    }
    answer = send(
        client,
        entry(method, place, practitioner, full_url=full_url),
        entry("POST", "Observation", observation),
    )
    assert answer.status == 422, answer.text
    (issue,) = answer.json["issue"]
    assert issue["expression"] == ["Bundle.entry[1].resource.subject.reference"]
    assert client.search("Practitioner") == []


def test_links_in_a_fhirpath_patch_follow(client: Client) -> None:
    client.put("Basic/b", {"resourceType": "Basic", "id": "b", "code": {"text": "x"}})
    parts = [
        {"name": "type", "valueCode": "add"},
        {"name": "path", "valueString": "Basic"},
        {"name": "name", "valueString": "subject"},
        {"name": "value", "valueReference": {"reference": URN}},
    ]
    patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
    answer = send(
        client,
        entry("POST", "Patient", patient(), full_url=URN),
        entry("PATCH", "Basic/b", patch),
    )
    assert answer.status == 200, answer.text
    (stored,) = client.search("Patient")
    assert client.get("Basic/b").json["subject"]["reference"] == f"Patient/{stored['id']}"
    unknown = send(client, entry("PATCH", "Basic/b", patch))
    assert unknown.status == 400


def test_a_document_inside_stays_as_it_is(client: Client) -> None:
    document = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": URN, "resource": {"resourceType": "Patient"}},
            {"fullUrl": "urn:uuid:2", "resource": basic(URN)},
        ],
    }
    answer = send(
        client,
        entry("POST", "Patient", patient(), full_url=URN),
        entry("POST", "Bundle", document),
    )
    assert answer.status == 200, answer.text
    (stored,) = client.search("Bundle")
    assert stored["entry"] == document["entry"]
