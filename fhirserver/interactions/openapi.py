"""The API as an OpenAPI document, made from what the CapabilityStatement says.

Spec: https://spec.openapis.org/oas/v3.0.3 and https://hl7.org/fhir/R4/http.html

Whatever the CapabilityStatement claims has a path here, and nothing else has:

    rest.interaction                /, /_search, /_history
    rest.resource.interaction       /[type], /[type]/{id}, their _history and _search
    rest.resource.operation         /[type]/$name, /[type]/{id}/$name, as its definition says
    rest.compartment                /[compartment]/{id}/{member}
    rest.documentation              /_async/{id}, where a request is followed

What many paths share stands once in `openapi_components`.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from fhirserver.access import AuthContext
from fhirserver.definitions import Definitions
from fhirserver.interactions.capabilities import describe
from fhirserver.interactions.openapi_components import components, parameter_key, ref
from fhirserver.interactions.permit import permit
from fhirserver.interactions.types import OfferedOperation, Result, Services
from fhirserver.model.json import JsonObject, parse_json, write_json

READING = ("_format", "_pretty", "_summary", "_elements")
CACHED = ("If-None-Match", "If-Modified-Since")
SEARCHING = (
    "_count", "_sort", "_total", "_include", "_revinclude", "_contained", "_containedType",
    "_explain", "Prefer", *READING,
)  # fmt: skip
HISTORY = ("_count", "_since", "_at", "Prefer", "_format", "_pretty")
LISTED = ("Bundle", "Accepted")
KEYED = ("Idempotency-Key",)
RECORDED = (*KEYED, "X-Provenance")
WRITING = ("If-Match", "Prefer", "_format", *RECORDED)


class Shape(NamedTuple):
    """What a method takes and gives, as names of components.

    Attributes:
        below: path below the type or the base.
        body: "" for none.
    """

    method: str
    below: str
    shared: tuple[str, ...]
    body: str
    answers: tuple[str, ...]


_OF_TYPE: dict[str, Shape] = {
    "read": Shape("get", "/{id}", (*CACHED, *READING), "", ("Resource",)),
    "vread": Shape("get", "/{id}/_history/{vid}", READING, "", ("Resource",)),
    "update": Shape("put", "/{id}", WRITING, "Resource", ("Resource", "Created")),
    "patch": Shape("patch", "/{id}", WRITING, "Patch", ("Resource",)),
    "delete": Shape("delete", "/{id}", ("If-Match", *RECORDED), "", ("Nothing",)),
    "history-instance": Shape("get", "/{id}/_history", HISTORY, "", LISTED),
    "history-type": Shape("get", "/_history", HISTORY, "", LISTED),
    "create": Shape(
        "post",
        "",
        ("If-None-Exist", "Prefer", "_format", *RECORDED),
        "Resource",
        ("Resource", "Created"),
    ),
    "search-type": Shape("get", "", SEARCHING, "", LISTED),
}  # fmt: skip
_CONDITIONAL: dict[str, Shape] = {
    "update": Shape("put", "", ("criteria", *WRITING), "Resource", ("Resource", "Created")),
    "patch": Shape("patch", "", ("criteria", *WRITING), "Patch", ("Resource",)),
    "delete": Shape("delete", "", ("criteria", "If-Match", *RECORDED), "", ("Nothing",)),
}
_OF_SYSTEM: dict[str, Shape] = {
    "transaction": Shape("post", "/", ("Prefer", "_format", *RECORDED), "Resource", LISTED),
    "batch": Shape("post", "/", ("Prefer", "_format", *RECORDED), "Resource", LISTED),
    "search-system": Shape("get", "/", ("_type", *SEARCHING), "", LISTED),
    "history-system": Shape("get", "/_history", HISTORY, "", LISTED),
}
_METADATA = Shape("get", "/metadata", READING, "", ("Resource",))
_OPENAPI = Shape("get", "/openapi.json", (), "", ("Document",))
_SEARCH_FORM = Shape("post", "/_search", ("Prefer", "_format", "_pretty"), "Form", LISTED)
_COMPARTMENT = Shape("get", "/{id}/{member}", ("criteria", *SEARCHING), "", LISTED)
_INVOCATION = Shape("post", "", ("_format",), "Resource", ())
_INVOCATION_BY_URL = Shape("get", "", ("criteria", "_format"), "", ())
_OUTCOMES = {200: "Resource", 202: "Started"}
"""Answers of operations by their status."""
_ASYNC = (
    Shape("get", "", ("_format", "_pretty"), "", ("Bundle", "Pending")),
    Shape("delete", "", ("_format", "_pretty"), "", ("Forgotten",)),
)
_STATUS = {
    "Accepted": "202",
    "Created": "201",
    "Forgotten": "202",
    "Nothing": "204",
    "Pending": "202",
    "Started": "202",
}


def openapi(services: Services, auth: AuthContext) -> Result:
    """Describe the API for tools that know OpenAPI and not FHIR."""
    permit(services, auth, "capabilities", None)
    document = _document(services.definitions, services.operations, describe(services))
    return Result(200, body=document)


@lru_cache(maxsize=2)
def _document(
    definitions: Definitions, operations: tuple[OfferedOperation, ...], statement: bytes
) -> bytes:
    stated: Any = parse_json(statement)
    (rest,) = stated["rest"]
    paths: dict[str, JsonObject] = {
        "/metadata": {"get": _operation("capabilities", "", _METADATA)},
        "/openapi.json": {"get": _operation("openapi", "", _OPENAPI)},
    }
    offered = {each.code: each for each in operations}
    _add_system(paths, offered, rest)
    for shape, code in zip(_ASYNC, ("async-status", "async-cancel"), strict=True):
        _at(paths, "/_async/{id}")[shape.method] = _operation(code, "", shape)
    for resource in rest["resource"]:
        _add_type(paths, offered, resource)
    for url in rest["compartment"]:
        _add_compartment(paths, definitions, url.rpartition("/")[2])
    return write_json(
        {
            "openapi": "3.0.3",
            "info": {
                "title": stated["title"],
                "version": stated["software"]["version"],
                "description": "FHIR R4; see /metadata for the CapabilityStatement.",
            },
            "servers": [{"url": stated["implementation"]["url"]}],
            "tags": [{"name": each["type"]} for each in rest["resource"]],
            "paths": paths,
            "components": components(
                [*rest["resource"], rest], stated["format"], stated["patchFormat"]
            ),
        }
    )


def _add_system(
    paths: dict[str, JsonObject], offered: Mapping[str, OfferedOperation], rest: Any
) -> None:
    own = [ref("parameters", parameter_key(each)) for each in rest["searchParam"]]
    for each in rest["interaction"]:
        shape = _OF_SYSTEM[each["code"]]
        entry = _operation(each["code"], "", shape)
        if each["code"] == "search-system":
            entry["parameters"] = [*own, *entry["parameters"]]
            paths["/_search"] = {"post": _operation("search-system-post", "", _SEARCH_FORM)}
        there = paths.setdefault(shape.below, {}).setdefault(shape.method, entry)
        if there is not entry:
            there["operationId"] = f"{there['operationId']}-or-{each['code']}"
    for each in rest.get("operation", ()):
        paths[f"/${each['name']}"] = _invocations(offered[each["name"]], "", "")


def _add_type(
    paths: dict[str, JsonObject], offered: Mapping[str, OfferedOperation], resource: Any
) -> None:
    name = resource["type"]
    codes = [each["code"] for each in resource["interaction"]]
    own = [ref("parameters", parameter_key(each)) for each in resource["searchParam"]]
    for code in codes:
        shape = _OF_TYPE[code]
        entry = _operation(code, name, shape)
        if code == "search-type":
            entry["parameters"] = [*own, *entry["parameters"]]
            form = _operation("search-type-post", name, _SEARCH_FORM)
            paths[f"/{name}/_search"] = {"post": form}
        _at(paths, f"/{name}{shape.below}")[shape.method] = entry
    for code, shape in _CONDITIONAL.items():
        if code in codes:
            _at(paths, f"/{name}")[shape.method] = _operation(f"conditional-{code}", name, shape)
    for each in resource.get("operation", ()):
        operation = offered[each["name"]]
        for below, level in (("", "type"), ("/{id}", "instance")):
            if level in operation.levels:
                path = _at(paths, f"/{name}{below}/${operation.code}")
                path.update(_invocations(operation, name, below))


def _add_compartment(paths: dict[str, JsonObject], definitions: Definitions, code: str) -> None:
    name = next(each for each in definitions.resource_types if each.lower() == code)
    members = [each for each, links in definitions.compartment(name).items() if links]
    entry = _operation("search-compartment", name, _COMPARTMENT)
    path = _at(paths, f"/{name}/{{id}}/{{member}}")
    path["parameters"] = [
        *path["parameters"],
        {
            "name": "member",
            "in": "path",
            "required": True,
            "description": "Type that is searched, or * for all.",
            "schema": {"type": "string", "enum": ["*", *sorted(members)]},
        },
    ]
    path["get"] = entry


def _at(paths: dict[str, JsonObject], path: str) -> Any:
    """Give the path's item, made with the parameters that its address has."""
    item = paths.setdefault(path, {})
    named = [ref("parameters", name) for name in ("id", "vid") if f"{{{name}}}" in path]
    if named:
        item.setdefault("parameters", named)
    return item


def _operation(code: str, name: str, shape: Shape) -> Any:
    """Describe one method of one path."""
    entry: JsonObject = {"operationId": f"{code}-{name}" if name else code}
    if name:
        entry["tags"] = [name]
    entry["parameters"] = [ref("parameters", each) for each in shape.shared]
    if shape.body:
        entry["requestBody"] = ref("requestBodies", shape.body)
    responses: JsonObject = {
        _STATUS.get(each, "200"): ref("responses", each) for each in shape.answers
    }
    if "If-None-Match" in shape.shared:
        responses["304"] = ref("responses", "NotModified")
    entry["responses"] = {**responses, "default": ref("responses", "Error")}
    return entry


def _invocations(operation: OfferedOperation, name: str, below: str) -> JsonObject:
    """Describe POST, and GET where the operation changes nothing."""
    place = "instance" if below else "type" if name else "system"
    stem = f"operation-{operation.code}-{place}"
    answers = tuple(_OUTCOMES[status] for status in operation.statuses)
    shared = KEYED if operation.affects_state else ()
    posted = _INVOCATION._replace(shared=(*_INVOCATION.shared, *shared), answers=answers)
    found: JsonObject = {"post": _operation(stem, name, posted)}
    if not operation.affects_state:
        asked = _INVOCATION_BY_URL._replace(answers=answers)
        found["get"] = _operation(f"{stem}-get", name, asked)
    return found
