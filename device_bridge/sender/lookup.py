"""What the server has under the conditions of a Bundle.

Spec: https://hl7.org/fhir/R4/http.html#cond-update and https://hl7.org/fhir/R4/search.html#token

A condition is "Type?identifier=system|value", of an entry or of a reference. All of one type are asked
for in one search. Other conditions are left to the server.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from fhirserver_device_bridge.sender.fhir_client import Answer, FhirClient

Resource = dict[str, Any]
Stored = Mapping[str, tuple[Resource, ...]]
"""Matches by condition, as written in the Bundle."""

_AT_ONCE = 50
_PAGE = 1000


class LookupRefusedError(Exception):
    """The server did not answer a search.

    Attributes:
        answer: what it said instead.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def look_up(client: FhirClient, conditions: Iterable[str]) -> Stored:
    """Find what matches each condition.

    Raises:
        LookupRefusedError: the server answered no Bundle.
        UnreachableError: no answer.
    """
    wanted: defaultdict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
    for condition in conditions:
        identifier = _identifier(condition)
        if identifier is not None:
            wanted[condition.split("?")[0]][condition] = identifier
    return {
        condition: matches
        for resource_type, identifiers in wanted.items()
        for condition, matches in _of_type(client, resource_type, identifiers).items()
    }


def _of_type(
    client: FhirClient, resource_type: str, wanted: dict[str, tuple[str, str]]
) -> dict[str, tuple[Resource, ...]]:
    tokens = [f"{_escaped(system)}|{_escaped(value)}" for system, value in wanted.values()]
    found: list[Resource] = []
    for start in range(0, len(tokens), _AT_ONCE):
        found += _search(client, resource_type, ",".join(tokens[start : start + _AT_ONCE]))
    by_identifier: defaultdict[tuple[str, str], dict[str, Resource]] = defaultdict(dict)
    for resource in found:
        for each in resource.get("identifier", ()):
            key = (each.get("system", ""), each.get("value", ""))
            by_identifier[key][resource["id"]] = resource
    return {
        condition: tuple(by_identifier[identifier].values())
        for condition, identifier in wanted.items()
    }


def _search(client: FhirClient, resource_type: str, tokens: str) -> list[Resource]:
    answer = client.search(resource_type, {"identifier": tokens, "_count": str(_PAGE)})
    bundle = answer.resource()
    if answer.status != 200 or bundle.get("resourceType") != "Bundle":
        raise LookupRefusedError(answer)
    return [
        entry["resource"]
        for entry in bundle.get("entry", ())
        if entry.get("search", {}).get("mode", "match") == "match"
    ]


def _identifier(condition: str) -> tuple[str, str] | None:
    """Read "Type?identifier=system|value"; None for a condition of another form."""
    match parse_qsl(condition.partition("?")[2], keep_blank_values=True):
        case [("identifier", token)] if "|" in token:
            system, _, value = token.partition("|")
            return _unescaped(system), _unescaped(value)
    return None


def _escaped(text: str) -> str:
    for character in ("\\", ",", "|", "$"):
        text = text.replace(character, f"\\{character}")
    return text


def _unescaped(text: str) -> str:
    for character in (",", "|", "$", "\\"):
        text = text.replace(f"\\{character}", character)
    return text
