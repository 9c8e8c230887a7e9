"""What the server has under the conditions of a Bundle.

Spec: https://hl7.org/fhir/R4/http.html#cond-update and https://hl7.org/fhir/R4/search.html#token

A condition is "Type?identifier=system|value", of an entry or of a reference; all of one type are
asked for in one search. A patient may also be found by a specimen, "Patient?_has:Specimen:patient:
identifier=system|value"; each is asked for by itself. Other conditions are left to the server.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from fhirserver_device_bridge.sender.fhir_client import FhirClient, RefusedError

Resource = dict[str, Any]
Stored = Mapping[str, tuple[Resource, ...]]
"""Matches by condition, as written in the Bundle."""

_AT_ONCE = 50
_BY_SPECIMEN = "Patient?_has:Specimen:patient:identifier="
_PAGE = 1000
_LASTING = ("Device", "DeviceMetric", "Location", "Organization", "Practitioner")
_REMEMBERED = 10_000


class Lookup:
    """Searches, and remembers devices: every message names the same ones."""

    def __init__(self, client: FhirClient) -> None:
        self._client = client
        self._remembered: dict[str, tuple[Resource, ...]] = {}

    def matches(self, conditions: Iterable[str]) -> Stored:
        """Find what matches each condition.

        Raises:
            RefusedError: the server answered no Bundle.
            UnreachableError: no answer.
        """
        found: dict[str, tuple[Resource, ...]] = {}
        wanted: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for condition in conditions:
            token = _token(condition)
            if condition in self._remembered:
                found[condition] = self._remembered[condition]
            elif token is not None:
                wanted[condition.partition("?")[0]][condition] = token
            elif condition.startswith(_BY_SPECIMEN):
                asked = dict(parse_qsl(condition.partition("?")[2], keep_blank_values=True))
                found[condition] = tuple(_search(self._client, "Patient", asked))
        for resource_type, tokens in wanted.items():
            searched = _of_type(self._client, resource_type, tokens)
            found |= searched
            if resource_type in _LASTING:
                self._remember(searched)
        return found

    def forget(self) -> bool:
        """Ask anew from now on: what was remembered may be gone. Tells whether anything was."""
        had = bool(self._remembered)
        self._remembered.clear()
        return had

    def _remember(self, searched: Stored) -> None:
        if len(self._remembered) >= _REMEMBERED:
            self.forget()
        self._remembered |= {each: found for each, found in searched.items() if len(found) == 1}


def _of_type(
    client: FhirClient, resource_type: str, tokens: dict[str, str]
) -> dict[str, tuple[Resource, ...]]:
    asked = list(dict.fromkeys(tokens.values()))
    by_token: defaultdict[str, dict[str, Resource]] = defaultdict(dict)
    for start in range(0, len(asked), _AT_ONCE):
        tokens_at_once = ",".join(asked[start : start + _AT_ONCE])
        for resource in _search(client, resource_type, {"identifier": tokens_at_once}):
            for each in resource.get("identifier", ()):
                token = f"{_escaped(each.get('system', ''))}|{_escaped(each.get('value', ''))}"
                by_token[token][resource["id"]] = resource
    return {condition: tuple(by_token[token].values()) for condition, token in tokens.items()}


def _search(client: FhirClient, resource_type: str, asked: dict[str, str]) -> list[Resource]:
    answer = client.search(resource_type, {**asked, "_count": str(_PAGE)})
    bundle = answer.resource()
    if answer.status != 200 or bundle.get("resourceType") != "Bundle":
        raise RefusedError(answer)
    return [
        entry["resource"]
        for entry in bundle.get("entry", ())
        if entry.get("search", {}).get("mode", "match") == "match"
    ]


def _token(condition: str) -> str | None:
    """Read "Type?identifier=system|value"; None for a condition of another form."""
    match parse_qsl(condition.partition("?")[2], keep_blank_values=True):
        case [("identifier", token)] if "|" in token:
            return token
    return None


def _escaped(text: str) -> str:
    for character in ("\\", ",", "|", "$"):
        text = text.replace(character, f"\\{character}")
    return text
