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
from tests.waiting import wait_for

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


QUERIES = [
    ("front-desk", "Encounter?reason-code=x", "reasonCode", "plain"),
    ("front-desk", "Encounter?reason-code:missing=true", "reasonCode", "missing"),
    ("front-desk", "Encounter?reason-code:not=x", "reasonCode", "not"),
    ("front-desk", "Encounter?_sort=reason-code", "reasonCode", "sort"),
    ("front-desk", "Encounter?_sort=-_id,-reason-code", "reasonCode", "second-sort"),
    ("front-desk", "Encounter?_filter=reason-code eq x or status eq finished", "reasonCode",
     "filter"),
    ("front-desk", "Encounter?_filter=not(diagnosis pr true)", "diagnosis", "filter-not"),
    ("front-desk", "Encounter?diagnosis=Condition/mask-c", "diagnosis", "reference"),
    ("front-desk", "Encounter?diagnosis:Condition.code=x", "diagnosis", "chain"),
    ("front-desk", "Encounter?reason-reference:identifier=x|y", "reasonReference", "identifier"),
    ("front-desk", "Encounter?part-of.reason-code=x", "reasonCode", "end-of-a-chain"),
    ("front-desk", "Encounter?appointment.reason-code=x", "reasonCode", "another-type"),
    ("front-desk", "Patient?_has:Encounter:subject:reason-code=x", "reasonCode", "has"),
    ("front-desk", "Patient?_has:Encounter:subject:_has:Encounter:part-of:reason-code=x",
     "reasonCode", "has-in-has"),
    ("front-desk", "Encounter?_has:Encounter:reason-reference:status=x", "reasonReference",
     "has-reference"),
    ("front-desk", "Encounter?_include=Encounter:diagnosis", "diagnosis", "include"),
    ("front-desk", "Encounter?_include=Encounter:*", "", "include-all-of-a-type"),
    ("front-desk", "Encounter?_include=*", "", "include-all"),
    ("front-desk", "Patient?_include:iterate=*", "", "include-all-iterated"),
    ("front-desk", "Patient?_revinclude=*", "", "revinclude-all"),
    ("front-desk", "Patient?_revinclude=Appointment:supporting-info", "supportingInformation",
     "revinclude"),
    ("front-desk", "?_type=Encounter,Appointment&reason-code=x", "reasonCode", "several-types"),
    ("front-desk", "Patient/mask-p/Encounter?reason-code=x", "reasonCode", "compartment"),
    ("front-desk", "Encounter?_text=x", "text", "text"),
    ("front-desk", "Encounter?_contained=true", "", "contained"),
    ("front-desk", "EpisodeOfCare?condition=Condition/1", "diagnosis", "another-name"),
    ("billing", "Patient?language=x", "communication", "inner-element"),
    ("billing", "Condition?evidence-detail.code=x", "evidence", "inner-reference"),
    ("billing", "Condition?stage=x&_summary=count", "stage", "count"),
    ("researcher", "Observation?identifier=x", "identifier", "identifier"),
    ("researcher", "Condition?identifier=x&_total=accurate&_count=0", "identifier", "total"),
    ("researcher", "Observation?specimen.accession=x", "accessionIdentifier", "other-identifier"),
    ("narrowed", "Encounter?_id=mask-e", "reason-code", "scope"),
    ("narrowed", "Encounter/mask-e", "reason-code", "scope-read"),
]  # fmt: skip


@pytest.mark.parametrize("prefer", ["handling=strict", "handling=lenient"])
@pytest.mark.parametrize(
    ("name", "query", "element"),
    [pytest.param(*each, id=f"SEC-E19/{id_}") for *each, id_ in QUERIES],
)
def test_nothing_is_found_by_what_is_withheld(
    callers: dict[str, Caller], name: str, query: str, element: str, prefer: str
) -> None:
    """SEC-E19: 403, never left out in silence."""
    answer = callers[name].get(quote(query, safe="/?&=:,$*|._-"), prefer=prefer)
    assert answer.status == 403, answer.text
    said = answer.json["issue"][0]["diagnostics"]
    assert element in said
    assert "planted" not in said.removeprefix("Search parameter")


FOUND = [
    ("front-desk", "Encounter?subject=Patient/mask-p&date=ge1922&_sort=-date"),
    ("front-desk", "Encounter?subject.language=planted-Patient-communication."),
    ("front-desk", "Encounter?_id=mask-e&_include=Encounter:subject"),
    ("billing", "Encounter?reason-code=planted-Encounter-reasonCode."),
    ("researcher", "Encounter?reason-code=planted-Encounter-reasonCode."),
    ("physician", "Encounter?identifier=http://mask.test|planted-Encounter-identifier."),
    ("physician", "Encounter?_id=mask-e&_include=*"),
]


@pytest.mark.parametrize(("name", "query"), FOUND)
def test_all_else_is_found(callers: dict[str, Caller], name: str, query: str) -> None:
    answer = shape(callers[name], "GET", quote(query, safe="/?&=:,$*|._-"))
    assert "mask-e" in {each["resource"]["id"] for each in answer.json["entry"]}


def test_whoever_sees_all_gets_the_stored_bytes(
    callers: dict[str, Caller], steward: Caller
) -> None:
    whole = shape(steward, "GET", "Encounter/mask-e").body
    assert shape(callers["physician"], "GET", "Encounter/mask-e").body == whole
    assert b"SUBSETTED" not in whole


def changed(**elements: Any) -> dict[str, Any]:
    record = next(each for each in RECORD if each["id"] == "mask-a")
    masks = masks_of("front-desk")["Appointment"]
    return {key: value for key, value in record.items() if key not in masks} | elements


def operation(kind: str, path: str, **value: Any) -> dict[str, Any]:
    parts = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}]
    parts += [{"name": "value", **value}] if value else []
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "operation", "part": parts}],
    }


APPOINTMENT = "Appointment/mask-a"
ENCOUNTER = "Encounter?reason-code=planted-Encounter-reasonCode."
NEW_ENCOUNTER = {
    "resourceType": "Encounter", "status": "planned", "class": {"code": "AMB"}, "subject": SUBJECT,
}  # fmt: skip
WRITTEN: list[tuple[str, str, str, Any, dict[str, str], int]] = [
    ("put", "PUT", APPOINTMENT, changed(), {}, 403),
    ("put-with-it", "PUT", APPOINTMENT, changed(comment="mine"), {}, 403),
    ("put-to-a-new-id", "PUT", "Appointment/mask-new", changed(id="mask-new"), {}, 403),
    ("conditional-put", "PUT", "Appointment?_id=mask-a", changed(), {}, 403),
    ("put-in-a-batch", "POST", "",
     bundle("batch", "PUT", APPOINTMENT, resource=changed()), {}, 403),
    ("put-in-a-transaction", "POST", "",
     bundle("transaction", "PUT", APPOINTMENT, resource=changed()), {}, 403),
    ("json-add", "PATCH", APPOINTMENT, [{"op": "add", "path": "/comment", "value": "mine"}],
     {"content_type": JSON_PATCH}, 403),
    ("json-add-beside", "PATCH", APPOINTMENT,
     [{"op": "add", "path": "/_comment", "value": {"id": "x"}}], {"content_type": JSON_PATCH}, 403),
    ("json-replace", "PATCH", APPOINTMENT,
     [{"op": "replace", "path": "/comment", "value": "mine"}], {"content_type": JSON_PATCH}, 422),
    ("json-remove", "PATCH", APPOINTMENT, [{"op": "remove", "path": "/reasonCode"}],
     {"content_type": JSON_PATCH}, 422),
    ("json-test", "PATCH", APPOINTMENT,
     [{"op": "test", "path": "/comment", "value": planted("Appointment", "comment")}],
     {"content_type": JSON_PATCH}, 422),
    ("json-copy", "PATCH", APPOINTMENT,
     [{"op": "copy", "from": "/comment", "path": "/description"}],
     {"content_type": JSON_PATCH}, 422),
    ("merge", "PATCH", APPOINTMENT, {"comment": "mine"}, {"content_type": MERGE_PATCH}, 403),
    ("merge-contained", "PATCH", APPOINTMENT, {"contained": []}, {"content_type": MERGE_PATCH},
     403),
    ("merge-another-type", "PATCH", APPOINTMENT, {"resourceType": "x"},
     {"content_type": MERGE_PATCH}, 422),
    ("fhirpath-add", "PATCH", APPOINTMENT,
     {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [
         {"name": "type", "valueCode": "add"}, {"name": "path", "valueString": "Appointment"},
         {"name": "name", "valueString": "comment"}, {"name": "value", "valueString": "mine"}]}]},
     {}, 403),
    ("fhirpath-replace", "PATCH", APPOINTMENT,
     operation("replace", "Appointment.comment", valueString="mine"), {}, 422),
    ("patch-in-a-transaction", "POST", "",
     bundle("transaction", "PATCH", APPOINTMENT,
            resource=operation("replace", "Appointment.comment", valueString="mine")), {}, 422),
    ("xml", "PATCH", APPOINTMENT,
     '<diff xmlns:f="http://hl7.org/fhir"><remove sel="f:Appointment/f:comment"/></diff>',
     {"content_type": "application/xml-patch+xml"}, 422),
    ("condition-of-a-patch", "PATCH", ENCOUNTER, {"status": "finished"},
     {"content_type": MERGE_PATCH}, 403),
    ("if-none-exist", "POST", "Encounter", NEW_ENCOUNTER,
     {"if_none_exist": ENCOUNTER.partition("?")[2]}, 403),
    ("if-none-exist-in-a-transaction", "POST", "",
     bundle("transaction", "POST", "Encounter", resource=NEW_ENCOUNTER,
            request={"ifNoneExist": ENCOUNTER.partition("?")[2]}), {}, 403),
    ("reference-by-condition", "POST", "",
     bundle("transaction", "POST", "Encounter",
            resource={**NEW_ENCOUNTER, "partOf": {"reference": ENCOUNTER}}), {}, 403),
]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "status"),
    [pytest.param(each, status, id=f"SEC-E19/{id_}") for id_, *each, status in WRITTEN],
)
def test_what_is_not_seen_is_not_written(
    callers: dict[str, Caller], steward: Caller, asked: list[Any], status: int
) -> None:
    """SEC-E19: and no patch can test, copy or take it away."""
    method, path, body, headers = asked
    before = shape(steward, "GET", APPOINTMENT).body
    answer = callers["front-desk"].request(method, path, body, **headers)
    if answer.status == 200 and answer.json["resourceType"] == "Bundle":
        assert answer.json["entry"][0]["response"]["status"].startswith(str(status)), answer.text
    else:
        assert answer.status == status, answer.text
    if method == "PUT":
        assert "comment, contained, reasonCode" in answer.text
    assert shape(steward, "GET", APPOINTMENT).body == before


PATCHES = [
    ("json", [{"op": "replace", "path": "/description", "value": "one"}], JSON_PATCH),
    ("merge", {"description": "two", "comment": None}, MERGE_PATCH),
    ("fhirpath", operation("replace", "Appointment.description", valueString="three"),
     "application/fhir+json"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "kind"), [pytest.param(*each, id=f"SEC-E19/{id_}") for id_, *each in PATCHES]
)
def test_a_patch_leaves_what_is_not_seen(
    callers: dict[str, Caller], steward: Caller, body: Any, kind: str
) -> None:
    """SEC-E19: in the same order, and the answer holds nothing of it."""
    before = shape(steward, "GET", APPOINTMENT).json
    answer = shape(callers["front-desk"], "PATCH", APPOINTMENT, body, content_type=kind)
    told = answer.json
    assert "reasonCode" not in told
    assert "SUBSETTED" in answer.text
    after = shape(steward, "GET", APPOINTMENT)
    assert "SUBSETTED" not in after.text
    assert after.json["description"] == told["description"] != before["description"]
    assert list(after.json) == list(before)
    for name in masks_of("front-desk")["Appointment"]:
        assert after.json.get(name) == before.get(name)


CREATED = {key: value for key, value in changed(comment="planted-mine").items() if key != "id"}
ANSWERS: list[tuple[str, str, Any, dict[str, str]]] = [
    ("create", "Appointment", CREATED, {}),
    ("create/preferred", "Appointment", CREATED, {"prefer": "return=representation"}),
    ("create/matched", "Appointment", CREATED, {"if_none_exist": "_id=mask-a"}),
    ("create/transaction", "", bundle("transaction", "POST", "Appointment", resource=CREATED),
     {"prefer": "return=representation"}),
    ("create/keyed", "Appointment", CREATED, {"idempotency_key": "masks-1"}),
    ("create/keyed-again", "Appointment", CREATED, {"idempotency_key": "masks-1"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [pytest.param(*each, id=f"SEC-E19/{id_}") for id_, *each in ANSWERS],
)
def test_answers_to_writes(
    callers: dict[str, Caller], path: str, body: Any, headers: dict[str, str]
) -> None:
    answer = callers["front-desk"].request("POST", path, body, **headers)
    assert answer.status in (200, 201), answer.text
    assert "planted-mine" not in answer.text
    assert "-reasonCode." not in answer.text
    assert "SUBSETTED" in answer.text


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
    answer = shape(callers["front-desk"], "GET", f"{APPOINTMENT}/$validate")
    assert "planted" not in answer.text


def test_the_explanation_names_what_is_withheld(callers: dict[str, Caller]) -> None:
    answer = shape(callers["front-desk"], "GET", f"$explain-access?what={APPOINTMENT}")
    parts = answer.json["parameter"][0]["part"]
    (found,) = [each["valueString"] for each in parts if each["name"] == "withheld"]
    assert found == ", ".join(masks_of("front-desk")["Appointment"])
