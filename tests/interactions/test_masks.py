"""Elements that a role does not see leave by no path.

Spec: 45 CFR 164.502(b); each row is over HTTP, with words planted in every element.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fhirserver.access.masks import masks_of
from tests.client import Answer
from tests.masked_record import INSIDE, READ, RECORD, answered, bundle, everybody, planted
from tests.secured import Caller, Secured
from tests.waiting import wait_for

IDS = {each["resourceType"]: each["id"] for each in RECORD}
APPOINTMENT = "Appointment/mask-a"


@pytest.fixture(scope="module")
def callers(secured: Secured) -> Iterator[dict[str, Caller]]:
    with everybody(secured) as found:
        yield found


@pytest.fixture(scope="module")
def steward(callers: dict[str, Caller]) -> Caller:
    return callers["steward"]


Ask = Callable[[Caller, str, str], Answer]


def get(path: str) -> Ask:
    return lambda caller, type_, id_: answered(caller, "GET", path.format(type=type_, id=id_))


def of_elements(caller: Caller, type_: str, id_: str) -> Answer:
    names = [key for each in RECORD if each["id"] == id_ for key in each]
    wanted = ",".join(name for name in names if name != "resourceType")
    return answered(caller, "GET", f"{type_}?_id={id_}&_elements={wanted}")


def second_page(caller: Caller, type_: str, id_: str) -> Answer:
    first = answered(caller, "GET", f"{type_}/{id_}/_history?_count=1")
    links = {each["relation"]: each["url"] for each in first.json["link"]}
    return answered(caller, "GET", links["next"].partition("/fhir/")[2])


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
    "search-type/posted": lambda caller, type_, id_: answered(
        caller, "POST", f"{type_}/_search", f"_id={id_}",
        content_type="application/x-www-form-urlencoded",
    ),
    "search-system": get("?_type={type}&_id={id}"),
    "batch": lambda caller, type_, id_: answered(
        caller, "POST", "", bundle("batch", "GET", f"{type_}/{id_}")
    ),
    "transaction": lambda caller, type_, id_: answered(
        caller, "POST", "", bundle("transaction", "GET", f"{type_}?_id={id_}")
    ),
    "search-type/included": get("Patient?_id=mask-p&_revinclude={type}:patient"),
    "search-compartment": get("Patient/mask-p/{type}"),
    "fhirpath": get("$fhirpath?resource={type}/{id}&expression=descendants()"),
}  # fmt: skip
SEEN_WITHOUT = {"read/text", "read/summary", "search-type/summary"}
"""Paths that show less than all elements to anybody."""
OF_PATIENTS = {"search-type/included", "search-compartment"}
ELSEWHERE = {
    "create": "test_answers_to_writes", "update": "test_what_is_not_seen_is_not_written",
    "patch": "test_what_is_not_seen_is_not_written", "delete": "it answers without content",
    "explain-access": "test_the_explanation_names_what_is_withheld",
    "validate": "test_a_rehearsal_of_what_is_stored_tells_nothing",
    "run": "for administrators", "status": "of SearchParameters", "trail": "of AuditEvents",
}  # fmt: skip
"""What else the CapabilityStatement names, and where it is shown."""


def test_every_path_is_in_the_table(steward: Caller) -> None:
    (rest,) = steward.get("metadata").json["rest"]
    named = {each["code"] for each in rest["interaction"]}
    named |= {each["name"] for each in rest.get("operation", ())}
    for of_type in rest["resource"]:
        named |= {each["code"] for each in of_type["interaction"]}
        named |= {each["name"] for each in of_type.get("operation", ())}
    assert named <= {path.partition("/")[0] for path in PATHS} | set(ELSEWHERE)


@pytest.mark.parametrize("path", PATHS)
def test_no_path_shows_what_is_withheld(
    callers: dict[str, Caller], steward: Caller, path: str
) -> None:
    """SEC-E19, SEC-N5: and what is not withheld is there, with the tag that says so."""
    for role in (*READ, "app of billing"):
        for type_ in READ[role.removeprefix("app of ")]:
            if path in OF_PATIENTS and (role == "researcher" or type_ == "Patient"):
                continue  # it may not search for Patients
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
            if type_ in masks or path == "read":
                assert ("SUBSETTED" in answer.text) is (type_ in masks)


def words_of(value: Any) -> set[str]:
    if isinstance(value, dict):
        return {word for each in value.values() for word in words_of(each)}
    if isinstance(value, list):
        return {word for each in value for word in words_of(each)}
    return {value} if isinstance(value, str) and value.startswith("planted-") else set()


def test_whoever_sees_all_gets_the_stored_bytes(
    callers: dict[str, Caller], steward: Caller
) -> None:
    whole = answered(steward, "GET", "Encounter/mask-e").body
    assert answered(callers["physician"], "GET", "Encounter/mask-e").body == whole
    assert b"SUBSETTED" not in whole


def test_answers_in_the_background_lack_it_too(callers: dict[str, Caller]) -> None:
    """SEC-E19: done with the role of the request."""
    caller = callers["front-desk"]
    accepted = caller.get("Encounter?_id=mask-e", prefer="respond-async")
    assert accepted.status == 202, accepted.text
    place = accepted.headers["content-location"].removeprefix(f"{caller.client.base}/")

    def done() -> Answer | None:
        answer = caller.get(place)
        return None if answer.status == 202 else answer

    text = wait_for(done).text
    assert planted("Encounter", "identifier") in text
    assert "SUBSETTED" in text
    hidden = masks_of("front-desk")["Encounter"]
    assert not [each for each in hidden if planted("Encounter", each) in text]


def test_a_rehearsal_of_what_is_stored_tells_nothing(callers: dict[str, Caller]) -> None:
    answer = answered(callers["front-desk"], "GET", f"{APPOINTMENT}/$validate")
    assert "planted" not in answer.text


def test_the_explanation_names_what_is_withheld(callers: dict[str, Caller]) -> None:
    answer = answered(callers["front-desk"], "GET", f"$explain-access?what={APPOINTMENT}")
    parts = answer.json["parameter"][0]["part"]
    (found,) = [each["valueString"] for each in parts if each["name"] == "withheld"]
    assert found == ", ".join(masks_of("front-desk")["Appointment"])
