"""What cannot be judged is an error or a skip that says why, whatever script or server send."""

from __future__ import annotations

import json

import pytest

from fhirserver_conformance.script.model import Assert, Fixture, Operation
from tests.conformance.engine.runs import JSON, only_test, run, script, settings
from tests.conformance.lying_server import Received, Wire, answer, lying_server

XML = {"Content-Type": "application/fhir+xml"}
PATIENT = b'{"resourceType":"Patient","id":"p","name":[{"family":"Chalmers"}]}'
CHALMERS = answer(200, PATIENT, JSON)
WINDSOR = answer(200, PATIENT.replace(b"Chalmers", b"Windsor"), JSON)
FIXTURE = PATIENT
ENTITY = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


UNJUDGED = [
    pytest.param(Assert(expression="Patient.name("), "error", "offset", id="fhirpath-syntax"),
    pytest.param(Assert(expression="name.nosuch()"), "error", "nosuch", id="fhirpath-function"),
    pytest.param(Assert(path="Patient/[["), "error", "XPath", id="xpath-syntax"),
    pytest.param(Assert(path="$.[?"), "error", "JSONPath", id="jsonpath-syntax"),
    pytest.param(
        Assert(expression="id", operator="near", value="1"), "error", "no operator", id="operator"
    ),
    pytest.param(
        Assert(expression="id", operator="equals"), "error", "needs a value", id="no-value"
    ),
    pytest.param(
        Assert(expression="id", operator="lessThan", value="x"),
        "error",
        "two numbers or two dates",
        id="no-order",
    ),
    pytest.param(Assert(response="fine"), "error", "no response code of R4", id="response-code"),
    pytest.param(Assert(), "error", "nothing to look at", id="no-criterion"),
    pytest.param(Assert(expression="id", source_id="x"), "error", "the id 'x'", id="no-source"),
    pytest.param(
        Assert(response="okay", source_id="f"), "error", "no status", id="status-of-fixture"
    ),
    pytest.param(Assert(minimum_id="x"), "error", "the id 'x'", id="no-minimum"),
    pytest.param(Assert(validate_profile_id="x"), "error", "TestScript.profile", id="no-profile"),
    pytest.param(Assert(validate_profile_id="us"), "skip", "not R4's own", id="foreign-profile"),
    pytest.param(
        Assert(expression="id", value="${x}"), "error", "no variable 'x'", id="no-variable"
    ),
    pytest.param(
        Assert(expression="id", operator="matchesRegex", value="("),
        "error",
        "does not parse",
        id="regex-syntax",
    ),
    pytest.param(
        Assert(expression="id", gate="only elsewhere"), "skip", "only elsewhere", id="gate"
    ),
]


@pytest.mark.parametrize(("assertion", "verdict", "message"), UNJUDGED)
def test_what_cannot_be_judged_says_why(assertion: Assert, verdict: str, message: str) -> None:
    profiles = (("us", "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"),)
    with lying_server(lambda _request, wire: wire.send(CHALMERS)) as server:
        one = script(
            Operation(url="Patient/p"),
            assertion,
            profiles=profiles,
            fixtures=(Fixture(id="f", body=FIXTURE),),
        )
        test = only_test(run(one, settings(server.origin)))
    judged = test.actions[1]
    assert (judged.verdict, message in judged.message) == (verdict, True)


HOSTILE = [
    pytest.param(b"", {}, "is empty", id="nothing"),
    pytest.param(b"{", {}, "cannot be read", id="broken-json"),
    pytest.param(b"[]", {}, "no object", id="array"),
    pytest.param(
        b'{"resourceType":"Patient","id":"a","id":"b"}', {}, "stands twice", id="two-keys"
    ),
    pytest.param(b"\xff\xfe{", {}, "UTF-8", id="not-utf-8"),
    pytest.param(b"[" * 100_000, {}, "cannot be read", id="deep"),
    pytest.param(b"<Patient", XML, "cannot be read", id="broken-xml"),
    pytest.param(
        ENTITY + b'<Patient xmlns="http://hl7.org/fhir"><id value="&x;"/></Patient>',
        XML,
        "cannot be read",
        id="entity",
    ),
    pytest.param(
        b'<Patient xmlns="http://hl7.org/fhir"><nonsense value="1"/></Patient>',
        XML,
        "nonsense",
        id="unknown-element",
    ),
]


@pytest.mark.parametrize(
    "assertion", [Assert(expression="id"), Assert(path="id")], ids=["fhirpath", "path"]
)
@pytest.mark.parametrize(("body", "headers", "message"), HOSTILE)
def test_a_body_that_cannot_be_read_is_an_error_that_says_why(
    body: bytes, headers: dict[str, str], message: str, assertion: Assert
) -> None:
    with lying_server(lambda _request, wire: wire.send(answer(200, body, headers))) as server:
        test = only_test(run(script(Operation(url="x"), assertion), settings(server.origin)))
    if message == "no object" and assertion.path:
        assert test.verdict == "fail"
    else:
        assert test.verdict == "error"
        assert message in test.message


def test_external_entities_are_not_read_by_xpath() -> None:
    body = (
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><Patient><id value="1"/></Patient>'
    )
    with lying_server(lambda _request, wire: wire.send(answer(200, body, XML))) as server:
        one = script(Operation(url="x"), Assert(path="Patient/id"))
        assert "document type" in only_test(run(one, settings(server.origin))).message


def test_a_pattern_that_takes_for_ever_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhirserver_conformance.engine.asserts.regex.TIMEOUT_S", 0.3)
    with lying_server(lambda _request, wire: wire.send(answer(200, b"a" * 60))) as server:
        assertion = Assert(response_body="(a+)+b", operator="matchesRegex")
        test = only_test(run(script(Operation(url="x"), assertion), settings(server.origin)))
    assert (test.verdict, "takes more than" in test.message) == ("error", True)


def test_a_server_judges_profiles_that_are_not_base() -> None:
    issue = {"severity": "error", "code": "required", "diagnostics": "a race is missing"}

    def say(request: Received, wire: Wire) -> None:
        if "$validate" in request.target:
            bad = b"Windsor" in request.body
            issues = [issue] if bad else [{"severity": "warning", "code": "x"}]
            outcome = {"resourceType": "OperationOutcome", "issue": issues}
            wire.send(answer(200, json.dumps(outcome).encode(), JSON))
        else:
            wire.send(CHALMERS if "good" in request.target else WINDSOR)

    profile = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-patient"
    with lying_server(say) as server:
        at = settings(server.origin, validator=f"{server.origin}/fhir")
        found = [
            only_test(
                run(
                    script(
                        Operation(url=url),
                        Assert(validate_profile_id="us"),
                        profiles=(("us", profile),),
                    ),
                    at,
                )
            )
            for url in ("good", "bad")
        ]
    assert [test.verdict for test in found] == ["pass", "fail"]
    assert "a race is missing" in found[1].message
    asked = [each.target for each in server.received if "$validate" in each.target]
    assert "us-core-patient" in asked[0]
