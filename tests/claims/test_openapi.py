"""The OpenAPI document says what the CapabilityStatement says.

Spec: https://spec.openapis.org/oas/v3.0.3
"""

import re
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from tests.client import Client
from tests.operations.scripts import script
from tests.server import ServerProcess

Claim = tuple[str, str]
"""Method and path."""

PATHS = {
    "read": ("get", "/{id}"),
    "vread": ("get", "/{id}/_history/{vid}"),
    "update": ("put", "/{id}"),
    "patch": ("patch", "/{id}"),
    "delete": ("delete", "/{id}"),
    "history-instance": ("get", "/{id}/_history"),
    "history-type": ("get", "/_history"),
    "create": ("post", ""),
    "search-type": ("get", ""),
}
SYSTEM = {
    "transaction": ("post", "/"),
    "batch": ("post", "/"),
    "search-system": ("get", "/"),
    "history-system": ("get", "/_history"),
}


@pytest.fixture(scope="module")
def document(server: ServerProcess) -> Any:
    with server.client() as client:
        answer = client.get("openapi.json", accept="application/json")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert len(answer.body) < 2_000_000
    assert len(zlib.compress(answer.body)) < 150_000
    return answer.json


@pytest.fixture(scope="module")
def statement(server: ServerProcess) -> Any:
    with server.client() as client:
        return client.get("metadata").json


def test_it_is_valid(document: Any) -> None:
    """Against the schema of OpenAPI 3.0, with unique operationIds and declared path parameters."""
    document = {**document, "paths": dict(_one_type_of_many(document["paths"]))}
    assert list(OpenAPIV30SpecValidator(document).iter_errors()) == []


def _one_type_of_many(paths: Any) -> Iterator[tuple[str, Any]]:
    """Types have paths of the same make: the validator takes minutes for all of them."""
    for path, item in paths.items():
        if re.match(r"/([a-z_$]|$|Patient\b|Binary\b|Observation\b)", path):
            yield path, item


def test_every_reference_leads_somewhere(document: Any) -> None:
    pointed = set(_references(document))
    there = {
        f"#/components/{kind}/{key}"
        for kind, components in document["components"].items()
        for key in components
    }
    assert pointed == there


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _references(each)


def test_operation_ids_are_unique(document: Any) -> None:
    ids = [
        operation["operationId"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert len(ids) == len(set(ids))


METHODS = {
    "explain-access": ("get", "post"),
    "fhirpath": ("get", "post"),
    "run": ("post",),
    "status": ("get", "post"),
    "trail": ("get", "post"),
    "validate": ("get", "post"),
}
"""By operation: what changes something takes no GET."""
OF_TYPES_ALONE = ("trail",)


def test_every_claim_has_a_path_and_every_path_a_claim(document: Any, statement: Any) -> None:
    described = {
        (method, path)
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert described == set(_claims(statement))


def _claims(statement: Any) -> Iterator[Claim]:
    (rest,) = statement["rest"]
    yield "get", "/metadata"
    yield "get", "/openapi.json"
    yield "post", "/_search"
    assert "respond-async" in rest["documentation"]
    yield from (("get", "/_async/{id}"), ("delete", "/_async/{id}"))
    yield from (SYSTEM[each["code"]] for each in rest["interaction"])
    for operation in rest["operation"]:
        for method in METHODS[operation["name"]]:
            yield method, f"/${operation['name']}"
    for resource in rest["resource"]:
        yield from _claims_of_type(resource)
    for url in rest["compartment"]:
        code = url.rpartition("/")[2]
        name = next(each["type"] for each in rest["resource"] if each["type"].lower() == code)
        yield "get", f"/{name}/{{id}}/{{member}}"


def _claims_of_type(resource: Any) -> Iterator[Claim]:
    name, codes = resource["type"], {each["code"] for each in resource["interaction"]}
    for code in codes:
        method, below = PATHS[code]
        yield method, f"/{name}{below}"
    yield "post", f"/{name}/_search"
    if resource["conditionalUpdate"]:
        yield "put", f"/{name}"
        if "patch" in codes:
            yield "patch", f"/{name}"
    if resource["conditionalDelete"] != "not-supported":
        yield "delete", f"/{name}"
    for operation in resource["operation"]:
        for below in ("",) if operation["name"] in OF_TYPES_ALONE else ("", "/{id}"):
            for method in METHODS[operation["name"]]:
                yield method, f"/{name}{below}/${operation['name']}"


def test_search_parameters_are_those_of_the_statement(document: Any, statement: Any) -> None:
    shared = document["components"]["parameters"]
    for resource in statement["rest"][0]["resource"]:
        parameters = document["paths"][f"/{resource['type']}"]["get"]["parameters"]
        keys = [each["$ref"].rpartition("/")[2] for each in parameters]
        found = {shared[key]["name"] for key in keys if key.startswith("search-")}
        assert found == {each["name"] for each in resource["searchParam"]}
        for key in keys:
            assert shared[key]["description"]


def test_an_operation_answers_with_the_status_that_it_declares(
    document: Any, client: Client
) -> None:
    for path, body in (
        ("Patient/$validate", {"resourceType": "Patient"}),
        ("TestScript/$run", script()),
    ):
        declared = document["paths"][f"/{path}"]["post"]["responses"]
        assert set(declared) == {str(client.post(path, body).status), "default"}


def test_paths_exist(document: Any, client: Client) -> None:
    """What takes GET is no 404 of routing; a resource that is not there says its type."""
    for path, item in document["paths"].items():
        if "get" not in item or not re.match(r"/(Patient|[a-z_]|$)", path):
            continue
        place = path.replace("{member}", "Observation").replace("{vid}", "1")
        answer = client.get(place.replace("{id}", "none").removeprefix("/"))
        assert answer.status != 405, path
        assert "Nothing is at" not in answer.text, path
