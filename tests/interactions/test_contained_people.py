"""Somebody else, contained in a record: who is confined to the record's patient does not see it.

Spec: https://hl7.org/fhir/R4/references.html#contained

Observations of patient a that contain various resources, and one that has them all as members.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.client import Answer
from tests.secured import Caller, Secured

A, B = "held-a", "held-b"
Open = Callable[..., Caller]


def ref(to: str) -> dict[str, str]:
    return {"reference": to}


def related(patient: Any) -> dict[str, Any]:
    return {"resourceType": "RelatedPerson", "patient": patient}


CONTAINED = [
    pytest.param("nothing", None, True, id="nothing"),
    pytest.param("practitioner", {"resourceType": "Practitioner"}, True, id="a-practitioner"),
    pytest.param("observation", {"resourceType": "Observation", "status": "final",
                                 "code": {"text": "y"}}, True, id="an-observation"),
    pytest.param("relative", related(ref(f"Patient/{A}")), True, id="a-relative-of-the-patient"),
    pytest.param("stranger", related(ref(f"Patient/{B}")), False, id="a-relative-of-another"),
    pytest.param("unknown", related({"display": "somebody"}), False, id="a-relative-of-somebody"),
    pytest.param("patient", {"resourceType": "Patient", "name": [{"family": "Other"}]}, False,
                 id="a-patient"),
    pytest.param("linked", {"resourceType": "Patient", "link": [
        {"other": ref(f"Patient/{A}"), "type": "seealso"}]}, False, id="a-patient-linked-to-it"),
    pytest.param("person", {"resourceType": "Person", "link": [
        {"target": ref(f"Patient/{A}")}]}, False, id="a-person-linked-to-it"),
]  # fmt: skip
NAMES = [row.values[0] for row in CONTAINED]
SEEN = {f"held-{row.values[0]}" for row in CONTAINED if row.values[2]}


def observation(name: str, contained: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "resourceType": "Observation", "id": f"held-{name}", "status": "final",
        "code": {"text": "x"}, "subject": ref(f"Patient/{A}"),
        "performer": [ref("Practitioner/held-dr")],
    }  # fmt: skip
    if contained is None:
        return made
    held = {"url": "http://held.test/x", "valueReference": ref("#x")}
    return {**made, "contained": [{"id": "x", **contained}], "extension": [held]}


@pytest.fixture(scope="module")
def call(secured: Secured) -> Iterator[Open]:
    with ExitStack() as opened:

        def open_(scopes: str, **whose: Any) -> Caller:
            token = secured.issue(scopes, **whose).secret
            return opened.enter_context(secured.caller(token))

        stored = [
            {"resourceType": "Practitioner", "id": "held-dr"},
            *({"resourceType": "Patient", "id": each} for each in (A, B)),
            *(observation(*row.values[:2]) for row in CONTAINED),
            {**observation("all", None),
             "hasMember": [ref(f"Observation/held-{name}") for name in NAMES]},
        ]  # fmt: skip
        puts = [
            {"resource": each, "request": {"method": "PUT",
             "url": f"{each['resourceType']}/{each['id']}"}}
            for each in stored
        ]  # fmt: skip
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": puts}
        everybody = open_("system/*.cruds")
        assert everybody.request("POST", "", bundle).status == 200
        # Second versions, so that histories have something to tell.
        again = [{**each, "resource": {**each["resource"], "language": "en"}} for each in puts[3:]]
        assert everybody.request("POST", "", {**bundle, "entry": again}).status == 200
        yield open_


def callers(call: Open) -> list[Caller]:
    care = {"role": "physician", "user": "Practitioner/held", "patients": (A,)}
    return [call("patient/*.cruds", patient=A), call("user/*.cruds", **care)]


def observations(answer: Answer) -> set[str]:
    assert answer.status == 200, answer.text
    found = [each["resource"] for each in answer.json.get("entry", ()) if "resource" in each]
    return {each["id"] for each in found if each["resourceType"] == "Observation"} - {"held-all"}


READS = ["Observation/{id}", "Observation/{id}/_history", "Observation/{id}/_history/1",
         "Observation/{id}/_history/2", "Observation/{id}?_elements=status"]  # fmt: skip


@pytest.mark.parametrize(("name", "contained", "seen"), CONTAINED)
def test_reads_and_writes(call: Open, name: str, contained: Any, seen: bool) -> None:
    """SEC-E18: hidden is as absent, and is not written."""
    assert call("system/*.cruds").get(f"Observation/held-{name}").status == 200
    for caller in callers(call):
        for path in READS:
            answer, absent = (caller.get(path.format(id=id_)) for id_ in (f"held-{name}", "held-0"))
            assert answer.status == (200 if seen else 404), path
            if not seen:
                assert answer.text.replace(f"held-{name}", "held-0") == absent.text
        made = caller.request("POST", "Observation", observation(name, contained))
        assert made.status == (201 if seen else 403), made.text
        assert seen or "contain no Patient or Person" in made.text
        if seen:
            place = made.headers["location"].partition("/fhir/")[2].partition("/_history")[0]
            assert call("system/*.cruds").request("DELETE", place).status == 204


SEARCHES = [
    "Observation?_count=1000", "Observation?code:text=x&_count=1000", f"Observation?patient={A}",
    f"Patient/{A}/Observation", f"Patient/{A}/*", "Practitioner/held-dr/Observation",
    "Observation?_id=held-all&_include=Observation:has-member",
    "Practitioner?_id=held-dr&_revinclude=Observation:performer",
    "Observation/_history?_count=1000", "_history?_count=1000", "?_type=Observation&_count=1000",
]  # fmt: skip


@pytest.mark.parametrize("query", SEARCHES)
def test_searches(call: Open, query: str) -> None:
    """SEC-E18."""
    for caller in callers(call):
        assert observations(caller.get(query)) == SEEN
    assert observations(call("system/*.cruds").get(query)) >= SEEN | {"held-patient"}


def test_chains_and_totals(call: Open) -> None:
    """SEC-E18, SEC-E9, SEC-E11: what is hidden answers no question."""
    for caller in callers(call):
        total = caller.get("Observation?_total=accurate&_summary=count").json["total"]
        assert total == len(SEEN) + 1
        for name, _, seen in (row.values for row in CONTAINED):
            found = caller.get(f"Observation?has-member:Observation._id=held-{name}").json
            assert found["total"] == int(bool(seen)), name
