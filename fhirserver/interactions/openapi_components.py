"""What many paths of the OpenAPI document share: parameters, bodies, answers, schemas.

Spec: https://spec.openapis.org/oas/v3.0.3#components-object

A search parameter stands here once per definition; types that share a definition share it.
"""

from typing import Any

from fhirserver.interactions.patch_formats import JSON_PATCH, MERGE_PATCH, XML_PATCH
from fhirserver.model.json import JsonObject

_SEARCHED = {
    "composite": "part$part, each as for its own parameter; modifier :missing",
    "date": "prefixes eq ne gt lt ge le sa eb ap; modifier :missing",
    "number": "prefixes eq ne gt lt ge le sa eb ap; modifier :missing",
    "quantity": "[prefix]number|system|code; modifier :missing",
    "reference": "id, Type/id or URL; modifiers :identifier, :[type], :text, :missing,"
    " and :below and :above in hierarchies; chains",
    "special": "latitude|longitude|distance|units; modifier :missing",
    "string": "begins so; modifiers :exact, :contains, :missing",
    "token": "code, system|code, |code or system|; modifiers :not, :text, :of-type, :missing,"
    " :in and :not-in with a value set, :below and :above with system|code",
    "uri": "to the letter; modifiers :below, :above, :missing",
}
_TEXT: JsonObject = {"type": "string"}
_QUERY: dict[str, tuple[str, JsonObject]] = {
    "_at": ("Versions that were current at some moment of this date or time.", _TEXT),
    "_contained": (
        "Whether contained resources are found: not, alone, or too.",
        {"type": "string", "enum": ["false", "true", "both"]},
    ),
    "_containedType": (
        "What answers for a contained resource: what contains it, or itself.",
        {"type": "string", "enum": ["container", "contained"]},
    ),
    "_count": ("Entries of a page.", {"type": "integer", "minimum": 0}),
    "_elements": ("Elements at the top that are wanted, by comma.", _TEXT),
    "_explain": (
        "How the search is run, instead of its answer; for administrators.",
        {"type": "string", "enum": ["true", "plan"]},
    ),
    "_format": ("Format of the answer; wins over Accept.", _TEXT),
    "_include": ("Type:parameter[:Target], Type:* or *.", {"type": "array", "items": _TEXT}),
    "_pretty": ("Indent the answer.", {"type": "boolean"}),
    "_revinclude": ("Type:parameter[:Target] or *.", {"type": "array", "items": _TEXT}),
    "_since": ("Versions made at or after this instant.", {"type": "string"}),
    "_sort": ("Parameters by comma, - before one for descending.", _TEXT),
    "_summary": (
        "Part of each resource.",
        {"type": "string", "enum": ["true", "text", "data", "count", "false"]},
    ),
    "_total": (
        "How exactly matches are counted.",
        {"type": "string", "enum": ["none", "estimate", "accurate"]},
    ),
    "_type": ("Types that are searched, by comma.", _TEXT),
}
_HEADERS = {
    "Idempotency-Key": "Sent again with the same request, it gets the first answer again.",
    "If-Match": "Version that must be current, as its ETag.",
    "If-Modified-Since": "The answer is 304 if nothing changed since.",
    "If-None-Exist": "Create only if this search finds nothing.",
    "If-None-Match": "The answer is 304 if this version is current.",
    "Prefer": "return=minimal|representation|OperationOutcome, handling=strict|lenient, "
    "respond-async.",
    "X-Provenance": "A Provenance without target, as JSON, stored together with what is written.",
}
_PATH = {"id": ("Logical id.", r"^[A-Za-z0-9\-.]{1,64}$"), "vid": ("Version.", "^[0-9]+$")}


def ref(kind: str, key: str) -> JsonObject:
    """Point at a component."""
    return {"$ref": f"#/components/{kind}/{key}"}


_OWN = {
    "_filter": "R4's filter expressions: parameter operator value, and, or, not, parentheses",
    "_list": "id of a List, or $current-problems and R4's other functional lists",
    "_text": 'words of the narrative, and, or, not, parentheses, "phrases"; modifier :missing',
}
"""Parameters that are not searched like others of their type."""


def parameter_key(parameter: Any) -> str:
    """Name a search parameter among the components, e.g. "search-clinical-patient"."""
    definition: str = parameter.get("definition", parameter["name"])
    return f"search-{definition.rpartition('/')[2]}"


def components(resources: Any, formats: list[str], patch_formats: list[str]) -> JsonObject:
    """Make everything that paths point at.

    Args:
        resources: CapabilityStatement.rest.resource.
        formats: media types of resources; short names among them are left out.
        patch_formats: media types of patches.
    """
    media_types = [each for each in formats if "/" in each]
    return {
        "parameters": {**_fixed_parameters(), **_search_parameters(resources)},
        "requestBodies": {
            "Form": {
                "content": {"application/x-www-form-urlencoded": {"schema": _criteria_schema()}}
            },
            "Patch": {
                "required": True,
                "content": {each: {"schema": _patch_schema(each)} for each in patch_formats},
            },
            "Resource": {"required": True, "content": _content(media_types, "Resource")},
        },
        "responses": _responses(media_types),
        "schemas": _SCHEMAS,
    }


def _fixed_parameters() -> JsonObject:
    found: JsonObject = {
        "criteria": {
            "name": "criteria",
            "in": "query",
            "description": "Search parameters of the type, each under its own name.",
            "schema": _criteria_schema(),
        }
    }
    for name, (words, schema) in _QUERY.items():
        found[name] = {"name": name, "in": "query", "description": words, "schema": schema}
    for name, words in _HEADERS.items():
        found[name] = {"name": name, "in": "header", "description": words, "schema": _TEXT}
    for name, (words, pattern) in _PATH.items():
        schema = {**_TEXT, "pattern": pattern}
        head = {"name": name, "in": "path", "required": True}
        found[name] = {**head, "description": words, "schema": schema}
    return found


def _search_parameters(resources: Any) -> JsonObject:
    found: JsonObject = {}
    for resource in resources:
        for parameter in resource["searchParam"]:
            found[parameter_key(parameter)] = {
                "name": parameter["name"],
                "in": "query",
                "description": _described(parameter),
                "schema": {"type": "array", "items": _TEXT},
            }
    return found


def _described(parameter: Any) -> str:
    own = _OWN.get(parameter["name"])
    return own or f"{parameter['type']}: {_SEARCHED[parameter['type']]}"


def _criteria_schema() -> JsonObject:
    return {"type": "object", "additionalProperties": _TEXT}


def _patch_schema(media_type: str) -> JsonObject:
    return _PATCH_SCHEMAS.get(media_type) or ref("schemas", "Resource")


_PATCH_SCHEMAS: dict[str, JsonObject] = {
    JSON_PATCH: {"type": "array", "items": {"type": "object"}},
    MERGE_PATCH: {"type": "object", "additionalProperties": True},
    XML_PATCH: {"type": "object", "xml": {"name": "diff"}},
}


def _content(media_types: list[str], schema: str) -> JsonObject:
    return {each: {"schema": ref("schemas", schema)} for each in media_types}


def _responses(media_types: list[str]) -> JsonObject:
    etag = {"ETag": {"description": "The version.", "schema": _TEXT}}
    location = {"Location": {"description": "URL of the version.", "schema": _TEXT}}
    followed = {"Content-Location": {"description": "Where it is followed.", "schema": _TEXT}}
    return {
        "Bundle": {"description": "A Bundle.", "content": _content(media_types, "Bundle")},
        "Accepted": {
            "description": "Answered later, at the address in Content-Location.",
            "headers": followed,
            "content": _content(media_types, "OperationOutcome"),
        },
        "Created": {
            "description": "Stored as the first version.",
            "headers": {**etag, **location},
            "content": _content(media_types, "Resource"),
        },
        "Document": {
            "description": "This document.",
            "content": {"application/json": {"schema": {"type": "object"}}},
        },
        "Error": {
            "description": "What is wrong and what to do, as an OperationOutcome.",
            "content": _content(media_types, "OperationOutcome"),
        },
        "Forgotten": {
            "description": "Cancelled if it was not done, and forgotten.",
            "content": _content(media_types, "OperationOutcome"),
        },
        "NotModified": {"description": "The caller has the current version."},
        "Nothing": {"description": "Done; there is nothing to show."},
        "Pending": {
            "description": "Not answered yet.",
            "headers": {
                "X-Progress": {"description": "How far it is.", "schema": _TEXT},
                "Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}},
            },
            "content": _content(media_types, "OperationOutcome"),
        },
        "Resource": {
            "description": "A resource.",
            "headers": etag,
            "content": _content(media_types, "Resource"),
        },
        "Started": {
            "description": "Going on in the background; the resource tells how it goes.",
            "headers": followed,
            "content": _content(media_types, "Resource"),
        },
    }


_LINK: JsonObject = {
    "type": "object",
    "properties": {"relation": _TEXT, "url": _TEXT},
}
_ENTRY: JsonObject = {
    "type": "object",
    "properties": {
        "fullUrl": _TEXT,
        "resource": ref("schemas", "Resource"),
        "search": {"type": "object", "properties": {"mode": _TEXT}},
        "request": {"type": "object", "properties": {"method": _TEXT, "url": _TEXT}},
        "response": {"type": "object", "properties": {"status": _TEXT, "location": _TEXT}},
    },
}
_ISSUE: JsonObject = {
    "type": "object",
    "required": ["severity", "code"],
    "properties": {
        "severity": {"type": "string", "enum": ["fatal", "error", "warning", "information"]},
        "code": _TEXT,
        "diagnostics": _TEXT,
        "expression": {"type": "array", "items": _TEXT},
    },
}
_SCHEMAS: JsonObject = {
    "Resource": {
        "type": "object",
        "required": ["resourceType"],
        "properties": {
            "resourceType": _TEXT,
            "id": _TEXT,
            "meta": {"type": "object", "additionalProperties": True},
        },
        "additionalProperties": True,
    },
    "Bundle": {
        "type": "object",
        "required": ["resourceType", "type"],
        "properties": {
            "resourceType": {"type": "string", "enum": ["Bundle"]},
            "type": _TEXT,
            "total": {"type": "integer"},
            "link": {"type": "array", "items": _LINK},
            "entry": {"type": "array", "items": _ENTRY},
        },
    },
    "OperationOutcome": {
        "type": "object",
        "required": ["resourceType", "issue"],
        "properties": {
            "resourceType": {"type": "string", "enum": ["OperationOutcome"]},
            "issue": {"type": "array", "items": _ISSUE},
        },
    },
}
