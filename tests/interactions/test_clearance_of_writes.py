"""What writes, versions and Binaries tell of what their caller is not cleared for: nothing.

Spec: https://hl7.org/fhir/R4/security-labels.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from fhirserver.store.database import now_us
from tests.client import Answer
from tests.labelled_record import LABELS, SECRET, A, encounter, identifier, ref, store
from tests.secured import Caller, Secured

JSON_PATCH = "application/json-patch+json"
ABSENT = f"{A}-absent"
NEW = re.compile(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b")
"""Ids of what was to be made."""
BREAK = """INSERT INTO broken_glass (account, patient, reason, broken, expires)
VALUES (%s, %s, 'x', %s, 9000000000000000)"""
GLASS: dict[str, Any] = {
    "role": "physician", "user": "Practitioner/clear-opens", "patients": (A,),
}  # fmt: skip


@pytest.fixture(scope="module")
def callers(secured: Secured) -> Iterator[dict[str, Caller]]:
    """Give callers by name; `glass` has broken it for whom it treats."""
    with ExitStack() as opened:

        def caller(scopes: str, **whose: Any) -> Caller:
            return opened.enter_context(secured.caller(secured.issue(scopes, **whose).secret))

        everybody = caller("system/*.cruds")
        store(everybody)
        made = {"everybody": everybody, "glass": caller("user/*.cruds", **GLASS)}
        for role in ("physician", "nurse", "proxy"):
            whose = {"user": f"Practitioner/clear-{role}", "patients": (A, SECRET)}
            made[role] = caller("user/*.cruds", role=role, **whose)
        made["front-desk"] = caller("user/*.cruds", role="front-desk", user="Practitioner/clear-f")
        made["patient"] = caller("user/*.rs", role="patient", user=f"Patient/{A}")
        with secured.database.connection() as connection:
            connection.execute(BREAK, (secured.account(**GLASS), A, now_us()))
        yield made


def observation(meta: Any) -> dict[str, Any]:
    """Make what may be written with the glass broken: it gives no relation of care."""
    about = {"status": "final", "code": {"text": "x"}, "subject": ref(f"Patient/{A}")}
    return {"resourceType": "Observation", "meta": meta, **about}


def bundle(kind: str, method: str, id_: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"request": {"method": method, "url": f"Encounter/{id_}"}}
    if method == "PUT":
        entry["resource"] = encounter(id_, A)
    return {"resourceType": "Bundle", "type": kind, "entry": [entry]}


def ask(caller: Caller, asked: str, id_: str) -> Answer:
    """Ask for one of many things with an id."""
    place, own = f"Encounter/{id_}", encounter(id_, A)
    rows: dict[str, tuple[Any, ...]] = {
        "put": ("PUT", place, own),
        "put-that-creates": ("PUT", f"Encounter?_id={id_}", own),
        "patch": ("PATCH", place, []),
        "patch-by-condition": ("PATCH", f"Encounter?_id={id_}", []),
        "validate": ("GET", f"{place}/$validate"),
        "rehearse": ("POST", f"{place}/$validate?mode=update", own),
        "refer": ("POST", "Encounter", {**encounter("x", A), "partOf": ref(place)}),
        "rehearse-a-reference": (
            "POST", "Encounter/$validate?mode=create", {**encounter("x", A), "partOf": ref(place)},
        ),
        "batch-get": ("POST", "", bundle("batch", "GET", id_)),
        "batch-put": ("POST", "", bundle("batch", "PUT", id_)),
        "transaction-get": ("POST", "", bundle("transaction", "GET", id_)),
        "transaction-put": ("POST", "", bundle("transaction", "PUT", id_)),
        "fhirpath": ("GET", f"{place}/$fhirpath?expression=id"),
    }  # fmt: skip
    headers = {"content_type": JSON_PATCH} if asked.startswith("patch") else {}
    return caller.request(*rows[asked], **headers)


ASKED = (
    "put", "put-that-creates", "patch", "patch-by-condition", "validate", "rehearse", "refer",
    "rehearse-a-reference", "batch-get", "batch-put", "transaction-get", "transaction-put",
    "fhirpath",
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "hidden"),
    [("front-desk", f"{A}-secret"), ("front-desk", f"{A}-psy"), ("nurse", f"{A}-v")],
)
@pytest.mark.parametrize("asked", ASKED)
def test_what_is_hidden_is_as_what_is_absent(
    callers: dict[str, Caller], name: str, hidden: str, asked: str
) -> None:
    """SEC-N2, SEC-E14: and it stays as it was."""
    answers = [ask(callers[name], asked, id_) for id_ in (hidden, ABSENT)]
    assert answers[0].status >= 400 or asked.startswith("batch") or "rehearse" in asked
    told = [
        (answer.status, NEW.sub("NEW", answer.text.replace(id_, "ID")))
        for answer, id_ in zip(answers, (hidden, ABSENT), strict=True)
    ]
    assert told[0] == told[1]
    assert callers["everybody"].get(f"Encounter/{hidden}").headers["etag"] == 'W/"1"'


@pytest.mark.parametrize("type_", ["Condition", "PlanDefinition"])
def test_references_to_types_that_are_refused(callers: dict[str, Caller], type_: str) -> None:
    """SEC-E2: they may be referred to, but for what is labelled."""
    told = {}
    for key in ("none", "r", "absent"):
        extension = {"url": "http://clear.test", "valueReference": ref(f"{type_}/{A}-{key}")}
        made = {**encounter("x", A), "extension": [extension]}
        told[key] = callers["front-desk"].request("POST", "Encounter", made).status
    assert told == {"none": 201, "r": 409, "absent": 409}
    assert callers["front-desk"].get(f"{type_}/{A}-none").status == 403


@pytest.mark.parametrize(
    ("name", "label", "status"),
    [
        pytest.param("front-desk", "n", 201, id="ordinary"),
        pytest.param("front-desk", "r", 403, id="front-desk-restricts"),
        pytest.param("front-desk", "psy", 403, id="front-desk-says-what-is-sensitive"),
        pytest.param("nurse", "r", 201, id="nurse-restricts"),
        pytest.param("nurse", "n-hiv", 201, id="nurse-says-what-is-sensitive"),
        pytest.param("nurse", "v", 403, id="nurse-restricts-more"),
        pytest.param("glass", "v", 201, id="broken-glass"),
    ],
)
def test_labels_are_given_within_the_clearance(
    callers: dict[str, Caller], name: str, label: str, status: int
) -> None:
    """SEC-N2, SEC-E14: who creates sees what it creates."""
    made = observation(LABELS[label]) if name == "glass" else encounter("x", A, LABELS[label])
    type_ = made["resourceType"]
    answer = callers[name].request("POST", type_, made)
    assert answer.status == status, answer.text
    if status == 403:
        assert "meta.security" in answer.json["issue"][0]["diagnostics"]
    else:
        assert callers[name].get(f"{type_}/{answer.json['id']}").status == 200


def test_a_condition_does_not_see_it(callers: dict[str, Caller]) -> None:
    """SEC-E13: a create finds nothing that is hidden, and so creates."""
    made = {**encounter("x", A), "identifier": identifier("s")}
    condition = "identifier=http://clear.test|s"
    first = callers["front-desk"].request("POST", "Encounter", made, if_none_exist=condition)
    assert first.status == 201, first.text
    again = callers["front-desk"].request("POST", "Encounter", made, if_none_exist=condition)
    assert (again.status, again.json["id"]) == (200, first.json["id"])
    assert callers["everybody"].request("DELETE", f"Encounter/{again.json['id']}").status == 204


def versions(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    assert "total" not in answer.json
    return [each["resource"]["meta"]["versionId"] for each in answer.json["entry"]]


def test_versions_count_by_their_own_label_and_the_current_one(callers: dict[str, Caller]) -> None:
    """SEC-E3."""
    everybody, desk = callers["everybody"], callers["front-desk"]
    for id_, labels in ((f"{A}-freed", ("r", "n", "none")), (f"{A}-late", ("none", "n", "r"))):
        for label in labels:
            put = everybody.request("PUT", f"Encounter/{id_}", encounter(id_, A, LABELS[label]))
            assert put.status in (200, 201), put.text
    freed, late = f"Encounter/{A}-freed/_history", f"Encounter/{A}-late/_history"
    assert [desk.get(f"{freed}/{number}").status for number in (1, 2, 3)] == [404, 200, 200]
    assert versions(desk.get(freed)) == ["3", "2"]
    assert [desk.get(f"{late}/{number}").status for number in (1, 2, 3)] == [404, 404, 404]
    assert desk.get(late).status == 404
    assert everybody.request("DELETE", f"Encounter/{A}-late").status == 204
    assert everybody.request("DELETE", f"Encounter/{A}-freed").status == 204
    for id_ in (f"{A}-late", f"{A}-freed", ABSENT):
        assert desk.get(f"Encounter/{id_}").status == 404, "not even that it is deleted"


@pytest.mark.parametrize(
    ("id_", "seen"),
    [
        pytest.param(f"{A}-pdf", {"physician", "glass", "patient"}, id="attached-to-what-is-r"),
        pytest.param(f"{A}-pdf-v", {"glass", "patient"}, id="its-own-label-attached"),
        pytest.param(f"{A}-context", {"physician", "glass", "patient"}, id="context-is-r"),
        pytest.param(f"{A}-context-v", {"glass", "patient"}, id="its-own-label"),
        pytest.param(f"{SECRET}-context", set(), id="context-is-a-labelled-patient"),
    ],
)
def test_binaries(callers: dict[str, Caller], id_: str, seen: set[str]) -> None:
    """SEC-E17: both the Binary and what stands for it must be in reach."""
    for name in ("physician", "glass", "patient", "proxy", "everybody"):
        expected = 200 if name in seen | {"everybody"} else 404
        for path in (f"Binary/{id_}", f"Binary/{id_}/_history/1"):
            assert callers[name].get(path).status == expected, (name, path)


def test_lists_count_by_their_own_label(callers: dict[str, Caller]) -> None:
    """SEC-E9."""
    found = {}
    for name in ("physician", "proxy"):
        answer = callers[name].get(f"Encounter?_list={A}-list")
        assert answer.status == 200, answer.text
        found[name] = [each["resource"]["id"] for each in answer.json.get("entry", ())]
    assert found == {"physician": [f"{A}-none"], "proxy": []}


def test_a_kept_answer_is_not_given_again_when_the_glass_is_whole(
    secured: Secured, callers: dict[str, Caller]
) -> None:
    """SEC-E26, SEC-N4: broken glass shows more than the relation that is left."""

    def send() -> int:
        made = observation(LABELS["v"])
        return callers["glass"].request("POST", "Observation", made, idempotency_key="clear").status

    answers = [send(), send()]
    account = secured.account(**GLASS)
    with secured.database.connection() as connection:
        connection.execute("DELETE FROM broken_glass WHERE account = %s", (account,))
    answers.append(send())
    with secured.database.connection() as connection:
        connection.execute(BREAK, (account, A, now_us()))
    assert answers == [201, 201, 403]
