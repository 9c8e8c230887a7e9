"""What the CapabilityStatement says of the whole server.

Spec: https://hl7.org/fhir/R4/http.html and https://hl7.org/fhir/R4/compartmentdefinition.html
"""

import re
from collections.abc import Callable
from urllib.parse import urlencode

import pytest

from fhirserver.definitions import r4
from fhirserver_conformance.examples.by_hand import NEVER_LINKED
from fhirserver_conformance.examples.minimal import BARE, FIRST, SECOND, minimal
from fhirserver_conformance.examples.values import Json
from tests.claims.conftest import World
from tests.client import Client

_TAG = "http://claims.test/system-wide"

REST = ("mode", "documentation", "resource", "interaction", "searchParam", "operation")
HEAD = ("resourceType", "url", "name", "title", "status", "date", "kind", "fhirVersion")


def test_nothing_is_said_that_no_test_knows(world: World) -> None:
    more = ("software", "implementation", "format", "patchFormat", "rest")
    assert set(world.statement) == {*HEAD, *more}
    (rest,) = world.statement["rest"]
    assert set(rest) <= {*REST, "compartment"}
    assert world.statement["fhirVersion"] == "4.0.1"
    assert tuple(world.types) == r4().resource_types


def transaction(client: Client) -> None:
    """All or nothing."""
    entries = [_post("Basic"), _post("Patient")]
    assert client.post("", _bundle("transaction", entries)).status == 200
    entries.append({"request": {"method": "POST", "url": "Basic"}, "resource": {"no": 1}})
    before = _newest(client)
    assert client.post("", _bundle("transaction", entries)).status in (400, 422)
    assert _newest(client) == before


def batch(client: Client) -> None:
    """Each by itself."""
    entries = [_post("Basic"), {"request": {"method": "GET", "url": "Basic/claims-nobody"}}]
    answer = client.post("", _bundle("batch", entries))
    statuses = [entry["response"]["status"][:3] for entry in answer.json["entry"]]
    assert statuses == ["201", "404"]


def search_system(client: Client) -> None:
    """Several types at a time."""
    found = client.search(f"?_type=Basic,Patient&_id={FIRST}")
    assert {each["resourceType"] for each in found} == {"Basic", "Patient"}
    assert client.search("?_type=Basic,Patient&_id=claims-nobody") == []


def history_system(client: Client) -> None:
    """What was written last comes first."""
    written = client.post("Basic", minimal("Basic")).json
    assert _newest(client) == (written["id"], "1")


SYSTEM: dict[str, Callable[[Client], None]] = {
    "transaction": transaction,
    "batch": batch,
    "search-system": search_system,
    "history-system": history_system,
}


def test_every_interaction_of_the_system(world: World, client: Client) -> None:
    claimed = {each["code"] for each in world.statement["rest"][0]["interaction"]}
    assert claimed == SYSTEM.keys()
    for trial in SYSTEM.values():
        trial(client)


def _bundle(kind: str, entries: list[Json]) -> Json:
    return {"resourceType": "Bundle", "type": kind, "entry": entries}


def _post(name: str) -> Json:
    return {"resource": minimal(name), "request": {"method": "POST", "url": name}}


def _newest(client: Client) -> tuple[str, str]:
    resource = client.get("_history?_count=1").json["entry"][0]["resource"]
    return resource["id"], resource["meta"]["versionId"]


COMMON: dict[str, tuple[str, Json]] = {
    "_profile": ("http://claims.test/profile", {"profile": ["http://claims.test/profile"]}),
    "_security": (f"{_TAG}|a", {"security": [{"system": _TAG, "code": "a"}]}),
    "_source": ("http://claims.test/source", {"source": "http://claims.test/source"}),
    "_tag": (f"{_TAG}|b", {"tag": [{"system": _TAG, "code": "b"}]}),
}
"""By parameter: a value and the meta that holds it."""


def test_parameters_of_the_system(world: World, client: Client) -> None:
    claimed = {each["name"] for each in world.statement["rest"][0]["searchParam"]}
    assert claimed == {*COMMON, "_id", "_lastUpdated"}
    for code, (value, meta) in COMMON.items():
        urls = set()
        for name in ("Basic", "Patient"):
            stored = client.post(name, minimal(name) | {"meta": meta}).json
            urls.add(f"{name}/{stored['id']}")
        found = client.search(f"?{urlencode({code: value})}")
        assert {f"{each['resourceType']}/{each['id']}" for each in found} == urls
    assert len(client.search(f"?_id={FIRST}&_count=1000")) == len(world.types)
    instant = client.get(f"Patient/{FIRST}").json["meta"]["lastUpdated"]
    early = client.search(f"?{urlencode({'_lastUpdated': f'le{instant}', '_count': 1000})}")
    assert {each["id"] for each in early} == {BARE, FIRST, SECOND}


def test_formats(world: World, client: Client) -> None:
    looks = {
        "application/fhir+json": r"\{",
        "application/fhir+xml": r"(<\?xml[^>]*>)?\s*<Basic ",
        "json": r"\{",
        "xml": r"(<\?xml[^>]*>)?\s*<Basic ",
    }
    assert set(world.statement["format"]) == looks.keys()
    for name, look in looks.items():
        answer = client.get(f"Basic/{FIRST}?{urlencode({'_format': name})}")
        assert answer.status == 200
        assert name.rpartition("+")[2].rpartition("/")[2] in answer.headers["content-type"]
        assert re.match(look, answer.text), answer.text
    assert client.get(f"Basic/{FIRST}?_format=turtle").status == 406


FHIRPATH_PATCH = {
    "resourceType": "Parameters",
    "parameter": [
        {
            "name": "operation",
            "part": [
                {"name": "type", "valueCode": "add"},
                {"name": "path", "valueString": "Basic"},
                {"name": "name", "valueString": "language"},
                {"name": "value", "valueCode": "de"},
            ],
        }
    ],
}
_PARTS = "".join(
    f'<part><name value="{part["name"]}"/><{key} value="{part[key]}"/></part>'
    for part in FHIRPATH_PATCH["parameter"][0]["part"]  # type: ignore[index]
    for key in part
    if key != "name"
)
PATCHES: dict[str, object] = {
    "application/fhir+json": FHIRPATH_PATCH,
    "application/fhir+xml": (
        '<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>'
        f"{_PARTS}</parameter></Parameters>"
    ).encode(),
    "application/json-patch+json": [{"op": "add", "path": "/language", "value": "de"}],
    "application/merge-patch+json": {"language": "de"},
    "application/xml-patch+xml": (
        b'<diff xmlns="http://hl7.org/fhir"><add sel="Basic"><language value="de"/></add></diff>'
    ),
}


def test_patch_formats(world: World, client: Client) -> None:
    assert set(world.statement["patchFormat"]) == PATCHES.keys()
    for media_type, document in PATCHES.items():
        id_ = client.post("Basic", minimal("Basic")).json["id"]
        answer = client.patch(f"Basic/{id_}", document, content_type=media_type)
        assert answer.status == 200, answer.text
        assert answer.json["language"] == "de"
        other = client.patch(f"Basic/{id_}", document, content_type="text/plain")
        assert other.status == 415


def test_operations_of_the_system(world: World) -> None:
    """No operation is offered at the base yet but those listed here."""
    offered = {each["name"] for each in world.statement["rest"][0].get("operation", ())}
    assert offered == OPERATIONS


OPERATIONS: set[str] = set()


@pytest.mark.parametrize("name", r4().resource_types)
def test_compartments(name: str, world: World, client: Client) -> None:
    """A compartment holds who points at its owner, and not who points at another."""
    failures = []
    for url in world.statement["rest"][0]["compartment"]:
        owner = _owner(url)
        data, codes = world.data[name], r4().compartment(owner).get(name, ())
        answer = client.get(f"{owner}/{FIRST}/{name}?_count=1000")
        if not codes:
            assert answer.json.get("total", 0) == 0
            continue
        ids = {entry["resource"]["id"] for entry in answer.json.get("entry", ())}
        for code in codes:
            # "{def}" stands for the owner itself.
            inside = {FIRST} if code == "{def}" else data.links.get((code, owner), set())
            if not inside and (name, code, owner) not in NEVER_LINKED:
                failures.append(f"{owner}/{name}: {code} is a claim without a datum")
            if not inside <= ids:
                failures.append(f"{owner}/{name} by {code}: {sorted(inside - ids)} lost")
            if BARE in ids or data.strangers.get(code) in ids:
                failures.append(f"{owner}/{name} by {code}: surplus")
    assert not failures, "\n".join(failures)


def _owner(url: str) -> str:
    code = url.rpartition("/")[2]
    return next(name for name in r4().resource_types if name.lower() == code)
