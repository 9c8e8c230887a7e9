"""Compositions of R4's value sets and concepts of its code systems, without texts.

Spec: https://hl7.org/fhir/R4/terminologies-valuesets.html and terminologies-systems.html

    valueSets     {canonical without version: {version, compose}}
    codeSystems   {canonical without version: {url, version, content, hierarchyMeaning, concept}}

Published expansions are not taken: many of them end after a thousand codes and do not say so.
"""

from collections.abc import Iterable
from typing import Any

from fhirserver_profiles.package import Package

JsonObject = dict[str, Any]

_SYSTEM_KEYS = ("url", "version", "content", "hierarchyMeaning")
_PART_KEYS = ("system", "version", "filter", "valueSet")
_DATED = "deprecationDate"


def compile_terminology(package: Package) -> JsonObject:
    """Compile a package's value sets and code systems. Pure."""
    return {
        "valueSets": {
            each["url"]: {"version": each["version"], "compose": _compose(each["compose"])}
            for each in _by_url(package.of_type("ValueSet"))
            if "compose" in each
        },
        "codeSystems": {
            each["url"]: {
                **{key: each[key] for key in _SYSTEM_KEYS if key in each},
                "concept": _concepts(each.get("concept", ())),
            }
            for each in _by_url(package.of_type("CodeSystem"))
            if each["content"] == "complete"
        },
    }


def _by_url(resources: Iterable[JsonObject]) -> list[JsonObject]:
    return sorted(resources, key=lambda each: str(each["url"]))


def _compose(compose: JsonObject) -> JsonObject:
    compiled = {
        kind: [_part(each) for each in compose[kind]]
        for kind in ("include", "exclude")
        if kind in compose
    }
    return compiled | ({"inactive": compose["inactive"]} if "inactive" in compose else {})


def _part(stated: JsonObject) -> JsonObject:
    compiled = {key: stated[key] for key in _PART_KEYS if key in stated}
    if "concept" in stated:
        compiled["concept"] = [{"code": each["code"]} for each in stated["concept"]]
    return compiled


def _concepts(concepts: Iterable[JsonObject]) -> list[JsonObject]:
    return [_concept(each) for each in concepts]


def _concept(stated: JsonObject) -> JsonObject:
    compiled: JsonObject = {"code": stated["code"]}
    properties = [each for each in stated.get("property", ()) if each["code"] != _DATED]
    if properties:
        compiled["property"] = properties
    if "concept" in stated:
        compiled["concept"] = _concepts(stated["concept"])
    return compiled
