"""Elements that a role does not see leave by no path, and nothing can be found by them.

Spec: 45 CFR 164.502(b); each row is over HTTP, with words planted in every element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest

from fhirserver.access.masks import masks_of
from tests.client import Answer
from tests.masked_record import INSIDE, PATIENT, RECORD, SUBJECT, planted, store
from tests.secured import Caller, Secured

READ = {
    "billing": ("Patient", "Condition", "Encounter", "Appointment"),
    "front-desk": ("Patient", "Encounter", "Appointment"),
    "researcher": ("Condition", "Encounter", "Observation", "DiagnosticReport",
                   "FamilyMemberHistory"),
}  # fmt: skip
"""What each role reads of the record."""
IDS = {each["resourceType"]: each["id"] for each in RECORD}
JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"


@pytest.fixture(scope="module")
def steward(secured: Secured) -> Iterator[Caller]:
    with secured.caller(secured.issue("system/*.cruds").secret) as caller:
        store(caller)
        yield caller


@pytest.fixture(scope="module")
def callers(secured: Secured, steward: Caller) -> Iterator[dict[str, Caller]]:
    tokens = {
        role: secured.issue(
            "user/*.cruds", role=role, user=f"Practitioner/mask-{role}",
            patients=(PATIENT,) if role == "researcher" else None,
        )
        for role in READ
    }  # fmt: skip
    tokens["app of billing"] = secured.issue(
        "patient/*.rs", role="billing", user="Practitioner/mask-billing", patient=PATIENT
    )
    tokens["physician"] = secured.issue(
        "user/*.cruds", role="physician", user="Practitioner/mask-dr", patients=(PATIENT,)
    )
    tokens["narrowed"] = secured.issue(
        f"user/Encounter.rs?reason-code={planted('Encounter', 'reasonCode')}",
        role="front-desk", user="Practitioner/mask-front-desk",
    )  # fmt: skip
    with ExitStack() as opened:
        yield {
            name: opened.enter_context(secured.caller(token.secret))
            for name, token in tokens.items()
        }


def bundle(kind: str, method: str, url: str, **rest: Any) -> dict[str, Any]:
    entry = {"request": {"method": method, "url": url, **rest.pop("request", {})}, **rest}
    return {"resourceType": "Bundle", "type": kind, "entry": [entry]}


def shape(caller: Caller, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    answer = caller.request(method, path, body, **headers)
    assert answer.status == 200, f"{method} {path}: {answer.text}"
    return answer


Ask = Callable[[Caller, str, str], Answer]


def get(path: str) -> Ask:
    return lambda caller, type_, id_: shape(caller, "GET", path.format(type=type_, id=id_))


def of_elements(caller: Caller, type_: str, id_: str) -> Answer:
    names = [key for each in RECORD if each["id"] == id_ for key in each]
    wanted = ",".join(name for name in names if name != "resourceType")
    return shape(caller, "GET", f"{type_}?_id={id_}&_elements={wanted}")


def second_page(caller: Caller, type_: str, id_: str) -> Answer:
    first = shape(caller, "GET", f"{type_}/{id_}/_history?_count=1")
    links = {each["relation"]: each["url"] for each in first.json["link"]}
    return shape(caller, "GET", links["next"].partition("/fhir/")[2])


PATHS: dict[str, Ask] = {
    "read": get("{type}/{id}"),
    "read/xml": get("{type}/{id}?_format=xml"),
    "read/html": get("{type}/{id}?_format=html"),
    "read/summary": get("{type}/{id}?_summary=true"),
    "read/data": get("{type}/{id}?_summary=data"),
    "read/text": get("{type}/{id}?_summary=text"),
    "vread": get("{type}/{id}/_history/1"),
    "history-instance": get("{type}/{id}/_history"),
    "history-instance/page": second_page,
    "history-type": get("{type}/_history?_count=200"),
    "history-system": get("_history?_count=200"),
    "search-type": get("{type}?_id={id}"),
    "search-type/summary": get("{type}?_id={id}&_summary=true"),
    "search-type/xml": get("{type}?_id={id}&_format=xml"),
    "search-type/elements": of_elements,
    "search-type/posted": lambda caller, type_, id_: shape(
        caller, "POST", f"{type_}/_search", f"_id={id_}",
        content_type="application/x-www-form-urlencoded",
    ),
    "search-system": get("?_type={type}&_id={id}"),
    "batch": lambda caller, type_, id_: shape(
        caller, "POST", "", bundle("batch", "GET", f"{type_}/{id_}")
    ),
    "transaction": lambda caller, type_, id_: shape(
        caller, "POST", "", bundle("transaction", "GET", f"{type_}?_id={id_}")
    ),
    "fhirpath": get("{type}/{id}/$fhirpath?expression=descendants()"),
}  # fmt: skip
SEEN_WITHOUT = {"read/text", "read/summary", "search-type/summary", "fhirpath"}
"""Paths that show less than all elements to anybody."""
WRITES = {"create", "update", "patch", "delete"}
NO_BODIES = {"validate", "explain-access", "run", "status", "trail"}
"""Operations that give no resource of a type of the table; see `test_a_rehearsal_tells_nothing`."""


def hidden_words(role: str, type_: str) -> set[str]:
    return {planted(type_, element) for element in masks_of(role)[type_]}


@pytest.mark.parametrize("path", PATHS)
def test_no_path_shows_what_is_withheld(
    callers: dict[str, Caller], steward: Caller, path: str
) -> None:
    """SEC-E19, SEC-N5: and what is not withheld is there, with the tag that says so."""
    for role in (*READ, "app of billing"):
        for type_ in READ[role.removeprefix("app of ")]:
            masks = masks_of(role.removeprefix("app of "))
            answer = PATHS[path](callers[role], type_, IDS[type_])
            hidden = {planted(each, element) for each in masks for element in masks[each]}
            hidden |= {INSIDE} if "Observation" in masks else set()
            found = {each for each in hidden if each in answer.text}
            assert not found, (role, type_, found)
            if path in SEEN_WITHOUT:
                continue
            record = next(each for each in RECORD if each["resourceType"] == type_)
            whole = {word for word in words_of(record) if word.startswith(f"planted-{type_}-")}
            seen = {word for word in whole - hidden if word in answer.text}
            assert seen == whole - hidden, (role, type_)
            assert ("SUBSETTED" in answer.text) is (type_ in masks or "elements" in path)


def words_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {word for each in value.values() for word in words_of(each)}
    if isinstance(value, list):
        return {word for each in value for word in words_of(each)}
    return {value} if isinstance(value, str) and value.startswith("planted-") else set()
