"""A patient's token against every type: own record, another's, and what is not there.

Spec: https://hl7.org/fhir/R4/compartmentdefinition-patient.html

For each of the 145 types two records hold one resource. What lies in the other patient's record is
answered to the byte as what is not there, whatever is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fhirserver.access import ROLES
from fhirserver.access.type_groups import IMPERSONAL, SHARED
from tests.client import Answer
from tests.secured import Caller, Secured
from tests.two_patients import ABSENT, MEMBERS, OTHER, OWN, TYPES, id_of, resource, store

LINKED = {"Device", "Task", "Binary"}
LABELLED = "reach-v"
"""A record that is the callers', but labelled beyond what they are cleared for."""
VERY = {"security": [{"code": "V"}]}


@pytest.fixture(scope="module")
def records(secured: Secured) -> None:
    with secured.caller(secured.issue("system/*.cruds").secret) as everybody:
        store(everybody, *({**resource(each, LABELLED), "meta": VERY} for each in TYPES))


@pytest.fixture(scope="module")
def patient(secured: Secured, records: None) -> Iterator[Caller]:
    with secured.caller(secured.issue("patient/*.cruds", patient=OWN).secret) as caller:
        yield caller


@pytest.fixture(scope="module")
def physician(secured: Secured, records: None) -> Iterator[Caller]:
    care = {"role": "physician", "user": "Practitioner/reach", "patients": (OWN, LABELLED, ABSENT)}
    with secured.caller(secured.issue("user/*.cruds", **care).secret) as caller:
        yield caller


def ids(answer: Answer) -> set[str]:
    assert answer.status == 200, answer.text
    entries = answer.json.get("entry", ())
    return {each["resource"]["id"] for each in entries if "resource" in each}


def anonymous(answer: Answer, id_: str) -> tuple[int, str, dict[str, str]]:
    """Take out of an answer what names the resource that was asked for, or the moment."""
    kept = {
        name: value.replace(id_, "ID")
        for name, value in answer.headers.items()
        if name not in ("x-request-id", "date")
    }
    return answer.status, answer.text.replace(id_, "ID"), kept


Row = tuple[str, str, object, dict[str, str]]

ASKED: list[Row] = [
    ("GET", "{type}/{id}", None, {}),
    ("HEAD", "{type}/{id}", None, {}),
    ("GET", "{type}/{id}", None, {"if_none_match": 'W/"1"'}),
    ("GET", "{type}/{id}?_elements=id&_format=xml", None, {}),
    ("GET", "{type}/{id}", None, {"if_modified_since": "Wed, 21 Oct 2099 07:28:00 GMT"}),
    ("GET", "{type}/{id}?_summary=true", None, {"range": "bytes=0-3"}),
    ("GET", "{type}/{id}/_history", None, {}),
    ("GET", "{type}/{id}/_history/1", None, {}),
    ("GET", "{type}/{id}/_history?_since=2020-01-01", None, {}),
    ("GET", f"Patient/{OWN}/*?_id={{id}}&_type={{type}}", None, {}),
    ("GET", "{type}?_id={id}", None, {}),
    ("GET", "{type}?_id={id}&_summary=count", None, {}),
    ("PUT", "{type}/{id}", "own", {}),
    ("PUT", "{type}/{id}", "own", {"if_match": 'W/"1"'}),
    ("PUT", "{type}/{id}", "foreign", {}),
    ("PUT", "{type}?_id={id}", "own", {}),
    ("PATCH", "{type}/{id}", [], {"content_type": "application/json-patch+json"}),
    ("DELETE", "{type}/{id}", None, {}),
    ("DELETE", "{type}/{id}", None, {"if_match": 'W/"1"'}),
    ("DELETE", "{type}/{id}", None, {"prefer": "return=OperationOutcome"}),
    ("DELETE", "{type}?_id={id}", None, {}),
    ("GET", "{type}/{id}/$validate", None, {}),
    ("POST", "{type}/{id}/$validate?mode=update", "own", {}),
    ("POST", "{type}/{id}/$validate?mode=delete", None, {}),
]
"""What is asked of an id; "own" is a body of the caller's own record with that id."""


def ask(caller: Caller, type_: str, id_: str, row: Row) -> Answer:
    method, path, body, headers = row
    if isinstance(body, str):
        whose = OWN if body == "own" else OTHER
        body = {**resource(type_, whose), "id": id_}
    return caller.request(method, path.format(type=type_, id=id_), body, **headers)


@pytest.mark.parametrize("type_", TYPES)
def test_what_is_hidden_is_as_what_is_absent(patient: Caller, secured: Secured, type_: str) -> None:
    """SEC-E2, SEC-E3, SEC-E5, SEC-E6, SEC-E14; leak tests 5, 6, 7, 22, 23."""
    hidden, absent = id_of(type_, OTHER), id_of(type_, ABSENT)
    if type_ not in SHARED:
        # Types that are refused as such get one of a kind.
        for row in ASKED if type_ in MEMBERS | LINKED else ASKED[::5]:
            answers = [anonymous(ask(patient, type_, each, row), each) for each in (hidden, absent)]
            assert answers[0] == answers[1], row
            assert answers[0][0] in (200, 204, 400, 403, 404, 412), row
    with secured.caller(secured.issue("system/*.cruds").secret) as everybody:
        assert everybody.get(f"{type_}/{hidden}").json["id"] == hidden, "it is still there"


@pytest.mark.parametrize("type_", [each for each in TYPES if ROLES["physician"].rights.get(each)])
def test_what_is_labelled_is_as_what_is_absent(physician: Caller, type_: str) -> None:
    """SEC-N2, SEC-E2, SEC-E14: of all types that a physician may read."""
    hidden, absent = id_of(type_, LABELLED), id_of(type_, ABSENT)
    for row in ASKED[::3]:
        answers = [anonymous(ask(physician, type_, each, row), each) for each in (hidden, absent)]
        assert answers[0] == answers[1], row
    if type_ not in MEMBERS | LINKED | IMPERSONAL:
        return  # it is refused as a type
    assert ids(physician.get(f"{type_}?_id={hidden}&_revinclude=*&_include=*")) == set()
    for path in (f"{type_}/_history?_count=1000", f"?_type={type_}&_count=1000"):
        assert hidden not in ids(physician.get(path)), path


@pytest.mark.parametrize("type_", TYPES)
def test_lists_hold_the_own_record_alone(patient: Caller, type_: str) -> None:
    """SEC-E5, SEC-E6, SEC-E8, SEC-E11; leak tests 1, 7, 8."""
    own, other = id_of(type_, OWN), id_of(type_, OTHER)
    asked = [
        f"{type_}?_count=1000", f"{type_}?_id={own},{other}&_sort=-_lastUpdated",
        f"{type_}/_history?_count=1000", "_history?_count=1000", f"?_type={type_}&_count=1000",
        f"{type_}?_id={own},{other}&_include=*&_include:iterate=*&_revinclude=*",
    ]  # fmt: skip
    if type_ not in MEMBERS | SHARED | LINKED:
        assert {patient.get(path).status for path in asked[:3]} == {403}
        assert patient.get(f"{type_}/{own}").status == 403
        return
    for path in asked:
        answer = patient.get(path)
        found = ids(answer)
        assert own in found or type_ == "Binary", path
        if type_ not in SHARED:
            assert not {each for each in found if each == other}, path
        leaked = {each for each in found if each.startswith(OTHER)}
        assert not {each for each in leaked if each.partition(f"{OTHER}-")[2] in MEMBERS}, path
        assert OTHER not in found, path
    assert patient.get(f"{type_}/{own}").status == 200
    assert patient.get(f"{type_}?_id={own},{other}&_total=accurate").json["total"] == (
        2 if type_ in SHARED else 0 if type_ == "Binary" else 1
    )


@pytest.mark.parametrize("type_", sorted(set(TYPES) - IMPERSONAL))
def test_references_do_not_tell_what_exists(patient: Caller, physician: Caller, type_: str) -> None:
    """SEC-E2; leak test 22: whatever type is referred to, also one that is refused."""
    for caller in (patient, physician):
        told = []
        for id_ in (id_of(type_, each) for each in (OTHER, LABELLED, ABSENT)):
            body = _referring(f"{type_}/{id_}")
            answer = caller.request("POST", "Observation", body)
            assert answer.status == 409, answer.text
            issues = [each["diagnostics"] for each in answer.json["issue"]]
            told.append([each.partition(" refers ")[2].replace(id_, "ID") for each in issues])
        assert told == [told[-1]] * 3


def _referring(to: str) -> dict[str, object]:
    """Make an Observation of the own record that refers to something."""
    extension = {"url": "http://reach.test", "valueReference": {"reference": to}}
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": f"Patient/{OWN}"},
        "extension": [extension],
    }


def test_what_is_about_nobody_is_referred_to(patient: Caller) -> None:
    """SEC-E2: a record refers to a plan of care that its writer may not read."""
    body = _referring(f"PlanDefinition/{id_of('PlanDefinition', OTHER)}")
    answer = patient.request("POST", "Observation/$validate?mode=create", body)
    assert [each["severity"] for each in answer.json["issue"]] == ["information"], answer.text


def test_the_compartment_has_66_types() -> None:
    """SEC-E5."""
    assert (len(MEMBERS), len(TYPES)) == (66, 145)
    assert not MEMBERS & SHARED
