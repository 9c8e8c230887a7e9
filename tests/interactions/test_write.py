"""create, read, update, delete and patch over HTTP.

Spec: https://hl7.org/fhir/R4/http.html
"""

from typing import Any
from urllib.parse import quote

import pytest

from tests.client import Client

pytestmark = pytest.mark.usefixtures("clean")
JSON_PATCH = "application/json-patch+json"


def patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def json_patch(client: Client, document: Any, headers: dict[str, str] | None = None) -> Any:
    sent = {"Content-Type": JSON_PATCH, **(headers or {})}
    return client.request("PATCH", "Patient/a", document, sent)


def diagnostics(answer: Any) -> str:
    return " ".join(issue["diagnostics"] for issue in answer.json["issue"])


def test_create_gives_id_version_and_location(client: Client) -> None:
    answer = client.post("Patient", patient(id="mine", active=True))
    assert answer.status == 201
    stored = answer.json
    assert stored["id"] != "mine"
    assert stored["meta"]["versionId"] == "1"
    assert answer.headers["etag"] == 'W/"1"'
    assert answer.headers["location"] == f"{client.base}/Patient/{stored['id']}/_history/1"
    assert client.get(answer.headers["location"]).json == stored
    assert client.get(f"Patient/{stored['id']}").json == stored


def test_content_comes_back_as_sent(client: Client) -> None:
    body = (
        b'{"resourceType":"Observation","status":"final","code":{"text":"\xc3\xa9"},'
        b'"_status":{"extension":[{"url":"http://x","valueDecimal":1.00}]},'
        b'"contained":[{"resourceType":"Patient","id":"p"}],"subject":{"reference":"#p"},'
        b'"valueQuantity":{"value":1.00,"unit":"g"}}'
    )
    answer = client.put("Observation/o", body.replace(b"{", b'{"id":"o",', 1))
    assert answer.status == 201, answer.text
    read = client.get("Observation/o").body
    assert b'"value":1.00' in read
    assert b'"valueDecimal":1.00' in read
    head, _, tail = read.partition(b'"status"')
    assert b"lastUpdated" in head
    assert b'"status"' + tail == body[body.index(b'"status"') :]


@pytest.mark.parametrize(
    "number",
    ["1.00", "100", "-0.0", "1e-7", "1E-7", "1.0e0", "2.50E+3", "0.0000001", "0.00000010",
     "0.000000000000000001", "123456789012345678.90"],
)  # fmt: skip
@pytest.mark.parametrize("format_", ["json", "xml"])
def test_a_decimal_comes_back_as_sent(client: Client, number: str, format_: str) -> None:
    body = (
        '{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},'
        f'"valueQuantity":{{"value":{number}}}}}'
    ).encode()
    if format_ == "xml":
        stored = client.put("Observation/o", body, accept="application/fhir+xml")
        xml = stored.body
        assert f'<value value="{number}"/>'.encode() in xml
        client.delete("Observation/o")
        answer = client.put("Observation/o", xml, content_type="application/fhir+xml")
    else:
        answer = client.put("Observation/o", body)
    assert answer.status == 201, answer.text
    assert f'"value":{number}}}'.encode() in client.get("Observation/o").body
    found = client.search(f"Observation?value-quantity={quote(number)}")
    assert [each["id"] for each in found] == ["o"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        pytest.param(patient(active="x"), 422, "active", id="http.html#create/invalid"),
        pytest.param({"resourceType": "Group"}, 400, "Patient", id="http.html#create/other-type"),
        pytest.param([], 400, "object", id="http.html#create/no-object"),
        pytest.param({}, 400, "resourceType", id="http.html#create/no-type"),
        pytest.param(b"{", 400, "line 1", id="http.html#create/malformed"),
        pytest.param(
            patient(meta={"tag": [{"code": "SUBSETTED"}]}), 422, "SUBSETTED", id="subsetted"
        ),
        pytest.param(
            patient(managingOrganization={"reference": "Organization/none"}),
            409,
            "Organization/none",
            id="dangling reference",
        ),
    ],
)
def test_wrong_creates_are_refused_and_store_nothing(
    client: Client, body: Any, status: int, says: str
) -> None:
    answer = client.post("Patient", body)
    assert answer.status == status
    assert says in answer.text
    assert client.search("Patient") == []


def test_update_makes_versions_and_create_on_update(client: Client) -> None:
    first = client.put("Patient/a", patient(id="a"))
    assert first.status == 201
    assert first.headers["location"].endswith("/Patient/a/_history/1")
    sent = patient(id="a", active=True, meta={"versionId": "77", "lastUpdated": "nonsense"})
    second = client.put("Patient/a", sent)
    assert second.status == 200
    assert second.json["meta"]["versionId"] == "2"
    assert "location" not in second.headers
    assert second.json["meta"]["lastUpdated"] > first.json["meta"]["lastUpdated"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        pytest.param(patient(), "missing", id="http.html#update/no-id"),
        pytest.param(patient(id="b"), "'b'", id="http.html#update/other-id"),
    ],
)
def test_update_needs_the_id_of_its_address(client: Client, body: Any, says: str) -> None:
    answer = client.put("Patient/a", body)
    assert answer.status == 400
    assert says in diagnostics(answer)


def test_meta_of_the_client_stays(client: Client) -> None:
    meta = {"profile": ["http://x"], "tag": [{"code": "t"}], "security": [{"code": "s"}]}
    stored = client.put("Patient/a", patient(id="a", meta=meta)).json["meta"]
    assert {key: stored[key] for key in meta} == meta


def test_preconditions(client: Client) -> None:
    client.put("Patient/a", patient(id="a"))
    body = patient(id="a", active=True)
    assert client.put("Patient/a", body, if_match='W/"2"').status == 412
    assert client.put("Patient/a", body, if_none_match="*").status == 412
    assert client.put("Patient/a", body, if_match='W/"1"').status == 200
    assert client.put("Patient/b", patient(id="b"), if_match='W/"1"').status == 412
    assert client.put("Patient/b", patient(id="b"), if_match="*").status == 412
    assert client.put("Patient/b", patient(id="b"), if_none_match="*").status == 201
    assert client.put("Patient/b", patient(id="b"), if_match="*").status == 200
    assert client.delete("Patient/a", if_match='W/"1"').status == 412
    assert client.delete("Patient/a", if_match='W/"2"').status == 204


def test_an_update_that_changes_nothing_makes_no_version(client: Client) -> None:
    body = patient(id="a", active=True, meta={"tag": [{"code": "t"}]})
    first = client.put("Patient/a", body).json
    same = {**body, "meta": {**body["meta"], "versionId": "9"}}
    again = client.put("Patient/a", same, prefer="return=OperationOutcome")
    assert again.status == 200
    assert again.headers["etag"] == 'W/"1"'
    assert "stays at version 1" in diagnostics(again)
    assert client.put("Patient/a", body).json == first
    assert client.put("Patient/a", body, if_match='W/"2"').status == 412
    assert client.put("Patient/a", body, if_none_match="*").status == 412
    assert json_patch(client, []).headers["etag"] == 'W/"1"'
    assert client.get("Patient/a/_history?_count=0").json["total"] == 1
    assert client.put("Patient/a", {**body, "active": False}).headers["etag"] == 'W/"2"'


@pytest.mark.parametrize(
    ("prefer", "kind"),
    [
        pytest.param("return=minimal", None, id="http.html#return/minimal"),
        pytest.param("return=representation", "Patient", id="http.html#return/representation"),
        pytest.param("return=OperationOutcome", "OperationOutcome", id="http.html#return/outcome"),
    ],
)
def test_prefer_decides_the_body(client: Client, prefer: str, kind: str | None) -> None:
    answer = client.post("Patient", patient(), prefer=prefer)
    assert answer.status == 201
    assert (answer.json["resourceType"] if answer.body else None) == kind


def test_delete_hides_and_put_brings_back(client: Client) -> None:
    client.put("Patient/a", patient(id="a"))
    assert client.delete("Patient/none").status == 204
    gone = client.delete("Patient/a")
    assert (gone.status, gone.headers["etag"]) == (204, 'W/"2"')
    assert client.delete("Patient/a").status == 204
    read = client.get("Patient/a")
    assert (read.status, read.headers["etag"]) == (410, 'W/"2"')
    assert client.get("Patient/a/_history/2").status == 410
    assert client.get("Patient/a/_history/1").status == 200
    assert client.get("Patient/a/_history/3").status == 404
    assert client.get("Patient/a/_history/x").status == 404
    assert client.get("Patient/none").status == 404
    assert client.search("Patient") == []
    assert client.put("Patient/a", patient(id="a")).status == 201
    assert client.get("Patient/a").headers["etag"] == 'W/"3"'


def test_delete_of_a_referenced_resource_names_the_referrer(client: Client) -> None:
    client.put("Patient/a", patient(id="a"))
    client.put(
        "Basic/b",
        {"resourceType": "Basic", "id": "b", "code": {"text": "x"},
         "subject": {"reference": "Patient/a"}},
    )  # fmt: skip
    answer = client.delete("Patient/a")
    assert answer.status == 409
    assert "Basic/b" in diagnostics(answer)
    assert client.get("Patient/a").status == 200


@pytest.mark.parametrize(
    ("query", "kept", "gone"),
    [
        pytest.param("_elements=active", {"active"}, {"gender", "text"}, id="search.html#elements"),
        pytest.param("_summary=true", {"active", "gender"}, {"text", "contact"}, id="summary/true"),
        pytest.param("_summary=text", {"text"}, {"active", "gender"}, id="summary/text"),
        pytest.param("_summary=data", {"active", "contact"}, {"text"}, id="summary/data"),
        pytest.param("_summary=false", {"text", "contact"}, set(), id="summary/false"),
    ],
)
def test_reads_give_parts(client: Client, query: str, kept: set[str], gone: set[str]) -> None:
    div = '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'
    client.put(
        "Patient/a",
        patient(
            id="a", text={"status": "generated", "div": div}, active=True, gender="male",
            contact=[{"name": {"text": "x"}}],
        ),
    )  # fmt: skip
    for place in ("Patient/a", "Patient/a/_history/1"):
        found = client.get(f"{place}?{query}").json
        assert kept <= found.keys()
        assert not gone & found.keys()
        tags = [tag["code"] for tag in found["meta"].get("tag", ())]
        assert tags == (["SUBSETTED"] if gone else [])


def test_json_patch(client: Client) -> None:
    client.put("Patient/a", patient(id="a", active=True))
    change = [
        {"op": "test", "path": "/active", "value": True},
        {"op": "add", "path": "/gender", "value": "male"},
    ]
    answer = json_patch(client, change, {"If-Match": 'W/"1"'})
    assert answer.status == 200
    assert answer.json["gender"] == "male"
    assert answer.json["meta"]["versionId"] == "2"


@pytest.mark.parametrize(
    ("document", "headers", "status"),
    [
        pytest.param([{"op": "x"}], {}, 400, id="http.html#patch/malformed"),
        pytest.param([{"op": "remove", "path": "/gender"}], {}, 422, id="http.html#patch/absent"),
        pytest.param(
            [{"op": "add", "path": "/active", "value": "x"}], {}, 422, id="http.html#patch/invalid"
        ),
        pytest.param([{"op": "replace", "path": "/id", "value": "b"}], {}, 422, id="patch/id"),
        pytest.param(
            [{"op": "replace", "path": "/resourceType", "value": "Group"}], {}, 422, id="patch/type"
        ),
        pytest.param(
            [{"op": "add", "path": "/gender", "value": "male"}],
            {"If-Match": 'W/"9"'},
            412,
            id="http.html#patch/stale",
        ),
        pytest.param([], {"Content-Type": "text/plain"}, 415, id="http.html#patch/format"),
    ],
)
def test_patches_that_do_not_fit_change_nothing(
    client: Client, document: Any, headers: dict[str, str], status: int
) -> None:
    client.put("Patient/a", patient(id="a", active=True))
    answer = json_patch(client, document, headers)
    assert answer.status == status
    assert client.get("Patient/a").headers["etag"] == 'W/"1"'


def test_patch_of_nothing(client: Client) -> None:
    assert json_patch(client, []).status == 404
    client.put("Patient/a", patient(id="a"))
    client.delete("Patient/a")
    assert json_patch(client, []).status == 410


@pytest.mark.parametrize("left", ["5.4", "5.40"])
def test_equal_numbers_with_other_digits_are_found_while_one_is_there(
    client: Client, left: str
) -> None:
    """An update that takes one of them away leaves the other's index rows."""

    def observation(*values: str) -> bytes:
        unit = '"system": "http://unitsofmeasure.org", "code": "mg"'
        parts = (f'{{"code": {{"text": "x"}}, "valueQuantity": {{"value": {value}, {unit}}}}}'
                 for value in values)  # fmt: skip
        return (
            f'{{"resourceType": "Observation", "id": "digits-{left}", "status": "final",'
            f' "code": {{"text": "x"}}, "component": [{", ".join(parts)}]}}'
        ).encode()

    url = f"Observation/digits-{left}"
    query = f"Observation?_id=digits-{left}&component-value-quantity="
    assert client.put(url, observation("5.4", "5.40")).status == 201
    assert client.put(url, observation(left)).status == 200
    found = [len(client.search(query + value)) for value in ("5.4", "5.40||mg", "5400||ug", "5.5")]
    assert found == [1, 1, 0, 0]
    assert len(client.search(f"{query}5400|http://unitsofmeasure.org|ug")) == 1
    assert client.put(url, observation("6")).status == 200
    assert client.search(query + "5.4") == []
