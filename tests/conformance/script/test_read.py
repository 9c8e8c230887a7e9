"""What scripts are read as, and what may be said loosely."""

from typing import Any

import pytest

from fhirserver_conformance.script.discover import read_script
from fhirserver_conformance.script.model import Assert, Operation, Script

Json = dict[str, Any]
_READ = {"operation": {"type": {"code": "read"}, "targetId": "some"}}
_OKAY = {"assert": {"response": "okay"}}


def script_of(*actions: object, **more: object) -> Json:
    test = [{"name": "some", "action": list(actions)}]
    return {"resourceType": "TestScript", "name": "some", "test": test, **more}


def read(resource: Json) -> Script:
    script = read_script(resource, suite="some", source="some.json", folder=None)
    assert isinstance(script, Script), script
    return script


def asserted(**content: object) -> Json:
    return script_of({"assert": content})


def operated(**content: object) -> Json:
    return script_of({"operation": content})


@pytest.mark.parametrize(
    ("resource", "attribute", "expected"),
    [
        pytest.param(
            operated(type={"code": "$expand"}), "code", "expand", id="operation-named-with-$"
        ),
        pytest.param(
            operated(params="?a=b", resource="Patient"), "code", "", id="operation-without-type"
        ),
        pytest.param(operated(method="PUT", url="a"), "method", "put", id="method-in-capitals"),
        pytest.param(
            operated(type={"code": "read"}, destination="2"), "destination", 2, id="number-as-text"
        ),
        pytest.param(
            operated(type={"code": "read"}), "encode_request_url", True, id="URL-is-encoded"
        ),
        pytest.param(
            operated(type={"code": "read"}, encodeRequestUrl="false"),
            "encode_request_url",
            False,
            id="flag-as-text",
        ),
        pytest.param(
            operated(type={"code": "read"}, requestHeader={"field": "A", "value": "b"}),
            "headers",
            (("A", "b"),),
            id="one-object-for-a-list",
        ),
        pytest.param(
            operated(type={"code": "read"}, modifierExtension=[{"url": "a"}]),
            "gate",
            "has a modifierExtension that is not known here",
            id="operation/modifier-that-is-unknown",
        ),
        pytest.param(
            asserted(responseCode=201), "response_code", "201", id="number-for-a-code"
        ),
        pytest.param(asserted(response="okay"), "response", "okay", id="response-of-R4"),
        pytest.param(
            asserted(response="unsupportedMediaType"), "response_code", "415", id="response-of-R5"
        ),
        pytest.param(
            asserted(response="unsupportedMediaType"), "response", None, id="response-of-R5/no-R4"
        ),
        pytest.param(asserted(response="okay"), "direction", "response", id="direction"),
        pytest.param(asserted(response="okay"), "stop_test_on_fail", True, id="stops-on-fail"),
        pytest.param(
            asserted(response="okay", stopTestOnFail=False), "stop_test_on_fail", False,
            id="R5/stopTestOnFail",
        ),
        pytest.param(
            asserted(response="okay", warningOnly="true"), "warning_only", True, id="warning-only"
        ),
        pytest.param(
            asserted(compareToSourceId="a"), "compare_to_source_id", "a", id="whole-resource"
        ),
        pytest.param(
            asserted(responseBody="token_endpoint", operator="contains"), "response_body",
            "token_endpoint", id="responseBody-of-a-public-suite",
        ),
        pytest.param(
            asserted(expression="a", operator="manualEval", defaultManualCompletion="skip"), "gate",
            "a person has to judge it", id="R5/manualEval",
        ),
        pytest.param(
            asserted(response="okay", modifierExtension=[{"url": "a"}]), "gate",
            "has a modifierExtension that is not known here",
            id="assert/modifier-that-is-unknown",
        ),
    ],
)  # fmt: skip
def test_what_is_clear_is_taken_as_meant(resource: Json, attribute: str, expected: object) -> None:
    (action,) = read(resource).tests[0].actions

    assert getattr(action, attribute) == expected


def test_an_operation_as_a_whole() -> None:
    content = {
        "id": "o1", "type": {"code": "update"}, "resource": "Patient", "label": "L",
        "description": "D", "accept": "xml", "contentType": "json", "destination": 2, "origin": 1,
        "encodeRequestUrl": False, "params": "/1", "requestHeader": [{"field": "A", "value": "b"}],
        "requestId": "rq", "responseId": "rs", "sourceId": "so", "targetId": "ta", "url": "u",
    }  # fmt: skip

    (action,) = read(script_of({"operation": content})).tests[0].actions

    assert action == Operation(
        id="o1", code="update", resource="Patient", label="L", description="D", accept="xml",
        content_type="json", destination=2, origin=1, encode_request_url=False, params="/1",
        headers=(("A", "b"),), request_id="rq", response_id="rs", source_id="so", target_id="ta",
        url="u", wait_attempts=1, wait_interval_s=0.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param({"contentType": "xml"}, Assert(content_type="xml"), id="contentType"),
        pytest.param(
            {"expression": "a", "sourceId": "s"}, Assert(expression="a", source_id="s"),
            id="expression",
        ),
        pytest.param(
            {"headerField": "ETag", "operator": "notEmpty", "direction": "request"},
            Assert(header_field="ETag", operator="notEmpty", direction="request"),
            id="headerField",
        ),
        pytest.param({"minimumId": "m"}, Assert(minimum_id="m"), id="minimumId"),
        pytest.param(
            {"navigationLinks": True}, Assert(navigation_links=True), id="navigationLinks"
        ),
        pytest.param(
            {"path": "a", "compareToSourceId": "s", "compareToSourcePath": "b"},
            Assert(path="a", compare_to_source_id="s", compare_to_source_path="b"), id="path",
        ),
        pytest.param(
            {"expression": "a", "compareToSourceId": "s", "compareToSourceExpression": "b"},
            Assert(expression="a", compare_to_source_id="s", compare_to_source_expression="b"),
            id="compareToSourceExpression",
        ),
        pytest.param({"requestMethod": "GET"}, Assert(request_method="get"), id="requestMethod"),
        pytest.param(
            {"requestURL": "u", "value": "v", "label": "L", "description": "D", "id": "a1"},
            Assert(request_url="u", value="v", label="L", description="D", id="a1"),
            id="requestURL",
        ),
        pytest.param({"resource": "Patient"}, Assert(resource="Patient"), id="resource"),
        pytest.param(
            {"validateProfileId": "p"}, Assert(validate_profile_id="p"), id="validateProfileId"
        ),
    ],
)  # fmt: skip
def test_asserts(content: Json, expected: Assert) -> None:
    assert read(script_of({"assert": content})).tests[0].actions == (expected,)


def test_a_script_as_a_whole() -> None:
    resource = script_of(
        _READ,
        url="http://some.test/script",
        title="Some title",
        setup={"action": [_READ]},
        teardown={"action": [_READ]},
        profile=[{"id": "p", "reference": "http://some.test/profile"}],
        variable=[{"name": "v", "path": "id", "sourceId": "s", "defaultValue": "d"}],
        relatedArtifact=[{"type": "documentation", "url": "http://some.test/rule"}],
    )
    resource["test"].append({"id": "second", "action": [_OKAY]})
    resource["test"] += [{"name": "some", "action": [_OKAY]}, {"action": [_OKAY]}]

    script = read(resource)

    assert (script.name, script.url) == ("some", "http://some.test/script")
    assert script.description == "Some title"
    assert script.resource == resource
    assert script.profiles == (("p", "http://some.test/profile"),)
    assert script.requirements == ("http://some.test/rule",)
    assert (len(script.setup), len(script.teardown)) == (1, 1)
    assert [test.name for test in script.tests] == ["some", "second", "some (2)", "test 4"]
    (variable,) = script.variables
    assert (variable.name, variable.path, variable.source_id) == ("v", "id", "s")
    assert variable.default_value == "d"


def test_requirements_that_asserts_are_linked_to_are_the_tests() -> None:
    links: list[Json] = [{"linkUri": "http://a.test/1"}, {"linkCanonical": "http://a.test/2"}]
    judged = [{"assert": {"response": "okay", "requirement": [link]}} for link in links]

    assert read(script_of(*judged)).tests[0].requirements == ("http://a.test/1", "http://a.test/2")
