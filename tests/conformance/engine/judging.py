"""Rows of asserts: each with an answer by which it holds and one by which it does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fhirserver_conformance.engine.settings import FhirPathName
from fhirserver_conformance.results import TestResult
from fhirserver_conformance.script.model import Assert, Fixture, Operation
from tests.conformance.engine.runs import JSON, only_test, run, script, settings
from tests.conformance.lying_server import answer, lying_server

XML = {"Content-Type": "application/fhir+xml; charset=utf-8"}


def patient(**members: Any) -> bytes:
    return answer(200, json.dumps({"resourceType": "Patient", "id": "p", **members}).encode(), JSON)


def bundle(*relations: str, **members: Any) -> bytes:
    links = [{"relation": relation, "url": "http://x"} for relation in relations]
    bundle = {"resourceType": "Bundle", "type": "searchset", "link": links, **members}
    return answer(200, json.dumps(bundle).encode(), JSON)


def xml(family: str) -> bytes:
    body = f'<Patient xmlns="http://hl7.org/fhir"><name><family value="{family}"/></name></Patient>'
    return answer(200, body.encode(), XML)


def observation(value: str) -> bytes:
    body = f'{{"resourceType":"Observation","valueQuantity":{{"value":{value}}}}}'
    return answer(200, body.encode(), JSON)


CHALMERS = patient(name=[{"family": "Chalmers", "given": ["Peter", "James"]}])
WINDSOR = patient(name=[{"family": "Windsor", "given": ["Jim"]}])
NAMELESS = patient()
FIXTURE = json.dumps(
    {
        "resourceType": "Patient",
        "id": "other",
        "meta": {"versionId": "9"},
        "name": [{"given": ["James"]}],
        "multipleBirthInteger": 2,
    }
).encode()
AT_LEAST = patient(
    name=[{"family": "Windsor"}, {"family": "Chalmers", "given": ["Peter", "James"]}],
    multipleBirthInteger=2,
    active=True,
)
LESS = patient(name=[{"given": ["Peter"]}], multipleBirthInteger=2)
SAME_NAME = patient(name=[{"given": ["James"]}])
TAGGED = answer(200, b"{}", {"ETag": 'W/"1"', "Last-Modified": "now"})
UNTAGGED = answer(200, b"{}")


def row(id: str, holds: bytes, breaks: bytes, **members: Any) -> Any:
    return pytest.param(Assert(**members), holds, breaks, id=id)


def judged(assertion: Assert, reply: bytes, engine: FhirPathName) -> TestResult:
    """Judge an answer by an assert."""
    one = script(
        Operation(url="Patient/p"),
        assertion,
        fixtures=(Fixture(id="f", body=FIXTURE),),
        profiles=(("patient", "http://hl7.org/fhir/StructureDefinition/Patient"),),
    )
    with lying_server(lambda _request, wire: wire.send(reply)) as server:
        return only_test(run(one, settings(server.origin, fhirpath=engine)))


def check_both_columns(
    assertion: Assert, holds: bytes, breaks: bytes, engine: FhirPathName
) -> None:
    """Fail unless the assert passes the one answer, and fails the other and says why."""
    good, bad = judged(assertion, holds, engine), judged(assertion, breaks, engine)
    assert (good.verdict, good.message) == ("pass", "")
    assert bad.verdict == "fail", bad.message
    assert bad.message
