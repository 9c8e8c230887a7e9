"""Elements that a role does not see are not written over, nor told by answers to writes.

Spec: https://hl7.org/fhir/R4/http.html#update, 45 CFR 164.502(b); each row is over HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from fhirserver.access.masks import masks_of
from tests.masked_record import RECORD, SUBJECT, answered, bundle, everybody, planted
from tests.secured import Caller, Secured

JSON_PATCH, MERGE_PATCH = "application/json-patch+json", "application/merge-patch+json"


@pytest.fixture(scope="module")
def callers(secured: Secured) -> Iterator[dict[str, Caller]]:
    with everybody(secured) as found:
        yield found


@pytest.fixture(scope="module")
def steward(callers: dict[str, Caller]) -> Caller:
    return callers["steward"]


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
    before = answered(steward, "GET", APPOINTMENT).body
    answer = callers["front-desk"].request(method, path, body, **headers)
    if answer.status == 200 and answer.json["resourceType"] == "Bundle":
        assert answer.json["entry"][0]["response"]["status"].startswith(str(status)), answer.text
    else:
        assert answer.status == status, answer.text
    if method == "PUT":
        assert "comment, contained, reasonCode" in answer.text
    assert answered(steward, "GET", APPOINTMENT).body == before


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
    before = answered(steward, "GET", APPOINTMENT).json
    answer = answered(callers["front-desk"], "PATCH", APPOINTMENT, body, content_type=kind)
    told = answer.json
    assert "reasonCode" not in told
    assert "SUBSETTED" in answer.text
    after = answered(steward, "GET", APPOINTMENT)
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
