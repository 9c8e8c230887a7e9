"""What is said of broken scripts."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from fhirserver_conformance.script.discover import read_script
from fhirserver_conformance.script.model import BrokenScript, Script

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


def problem(resource: Json) -> str:
    script = read_script(resource, suite="some", source="some.json", folder=None)
    assert isinstance(script, BrokenScript)
    assert (script.suite, script.source) == ("some", "some.json")
    return script.problem


def asserted(**content: object) -> Json:
    return script_of({"assert": content})


def operated(**content: object) -> Json:
    return script_of({"operation": content})


_ACTION = "TestScript.test[0].action[0]"


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        pytest.param(
            {"resourceType": "TestScript"}, "TestScript: has neither setup nor test", id="nothing"
        ),
        pytest.param(
            {"resourceType": "TestScript", "test": [{"name": "some"}]},
            "TestScript.test[0]: has no action",
            id="test-without-action",
        ),
        pytest.param(
            script_of({}), f"{_ACTION}: an action is one operation or one assert; this one holds "
            "nothing", id="tst-2/neither",
        ),
        pytest.param(
            script_of({**_READ, **_OKAY}),
            f"{_ACTION}: an action is one operation or one assert; this one holds 'operation' and"
            " 'assert'",
            id="tst-2/both",
        ),
        pytest.param(
            script_of({"wait": {}}),
            f"{_ACTION}: an action is one operation or one assert; this one holds 'wait'",
            id="unknown-kind-of-action",
        ),
        pytest.param(
            script_of({"assert": None}), f"{_ACTION}: 'assert' is null", id="action-of-null"
        ),
        pytest.param(
            script_of("read"),
            f"{_ACTION}: a plain value stands where an object belongs",
            id="action-that-is-text",
        ),
        pytest.param(
            operated(type={"code": "read"}, parms="/1"),
            f"{_ACTION}.operation: 'parms' is no element here",
            id="operation/misspelt-element",
        ),
        pytest.param(
            operated(resource="Patient"),
            f"{_ACTION}.operation: says nothing to send",
            id="operation/nothing-to-send",
        ),
        pytest.param(
            operated(method="fetch", url="Patient"),
            f"{_ACTION}.operation.method: 'fetch' is no method",
            id="operation/unknown-method",
        ),
        pytest.param(
            operated(type="read"),
            f"{_ACTION}.operation.type: a plain value stands where an object belongs",
            id="operation/type-that-is-text",
        ),
        pytest.param(
            operated(type={"code": "read"}, destination="second"),
            f"{_ACTION}.operation.destination: must be a whole number",
            id="operation/destination-that-is-no-number",
        ),
        pytest.param(
            operated(type={"code": "read"}, requestHeader=[{"value": "a"}]),
            f"{_ACTION}.operation.requestHeader[0]: 'field' is missing",
            id="operation/header-without-name",
        ),
        pytest.param(
            asserted(description="all is well"),
            f"{_ACTION}.assert: judges nothing; give one of contentType, expression",
            id="assert/no-criterion",
        ),
        pytest.param(
            asserted(navigationLinks=False), f"{_ACTION}.assert: judges nothing",
            id="assert/criterion-that-is-off",
        ),
        pytest.param(
            asserted(response="okay", resource="Patient"),
            f"{_ACTION}.assert: judges resource and response; one assert judges one thing",
            id="tst-6/two-criteria",
        ),
        pytest.param(
            asserted(reponse="okay"),
            f"{_ACTION}.assert: 'reponse' is no element here",
            id="assert/misspelt-element",
        ),
        pytest.param(
            asserted(response="fine"),
            f"{_ACTION}.assert.response: 'fine' is unknown; use one of okay, created",
            id="assert/unknown-response",
        ),
        pytest.param(
            asserted(expression="id", operator="is", value="1"),
            f"{_ACTION}.assert.operator: 'is' is unknown; use one of equals, notEquals",
            id="assert/unknown-operator",
        ),
        pytest.param(
            asserted(headerField="ETag", direction="back"),
            f"{_ACTION}.assert.direction: 'back' is unknown; use one of response, request",
            id="assert/unknown-direction",
        ),
        pytest.param(
            asserted(response="okay", direction="request"),
            f"{_ACTION}.assert: a request has no response",
            id="tst-13/response-of-a-request",
        ),
        pytest.param(
            asserted(requestMethod="fetch"),
            f"{_ACTION}.assert.requestMethod: 'fetch' is no method",
            id="assert/unknown-method",
        ),
        pytest.param(
            asserted(expression="id", compareToSourceExpression="id"),
            f"{_ACTION}.assert: 'compareToSourceId' is missing",
            id="tst-11/compared-with-nothing",
        ),
        pytest.param(
            asserted(response="okay", warningOnly="maybe"),
            f"{_ACTION}.assert.warningOnly: must be true or false",
            id="assert/flag-that-is-none",
        ),
        pytest.param(
            asserted(expression=["id"]),
            f"{_ACTION}.assert.expression: a list stands where a text belongs",
            id="assert/expression-that-is-a-list",
        ),
        pytest.param(
            script_of(_READ, setup=[_READ]),
            "TestScript.setup: a list stands where an object belongs",
            id="setup-that-is-a-list",
        ),
        pytest.param(
            script_of(_READ, teardown={"action": [{"operation": {}}]}),
            "TestScript.teardown.action[0].operation: says nothing to send",
            id="teardown-too",
        ),
        pytest.param(
            script_of(_READ, variable=[{"path": "id"}]),
            "TestScript.variable[0]: 'name' is missing",
            id="variable-without-name",
        ),
        pytest.param(
            script_of(_READ, variable=[{"name": "a"}, {"name": "a"}]),
            "TestScript.variable: 'a' stands 2 times",
            id="variable-twice",
        ),
        pytest.param(
            script_of(_READ, fixture=[{"id": "a"}, {"id": "a"}]),
            "TestScript.fixture: 'a' stands 2 times",
            id="fixture-twice",
        ),
        pytest.param(
            script_of(_READ, profile=[{"id": "a"}]),
            "TestScript.profile[0]: 'reference' is missing",
            id="profile-without-address",
        ),
    ],
)  # fmt: skip
def test_a_broken_script_says_what_is_wrong_and_where(resource: Json, said: str) -> None:
    assert problem(resource).startswith(said)


def test_all_faults_are_said_at_once() -> None:
    actions = [{"assert": {"response": f"code-{index}"}} for index in range(7)]

    said = problem(script_of(*actions, variable=[{}]))

    assert said.startswith("TestScript.variable[0]: 'name' is missing; give it; ")
    assert "TestScript.test[0].action[3].assert.response: 'code-3' is unknown" in said
    assert said.endswith("; and 3 more")


RICH = script_of(
    _READ, _OKAY, {"common": {"keyRef": "k", "parameter": [{"name": "a", "value": "b"}]}},
    {"assert": {"rule": {"ruleId": "r", "param": [{"name": "a", "value": "b"}]}}},
    {"assert": {"extension": [{
        "url": "http://touchstone.aegis.net/touchstone/fhir/testing/StructureDefinition/"
        "testscript-assert-ruleset",
        "extension": [{"url": "rulesetId", "valueId": "r"}],
    }]}},
    {"operation": {
        "type": {"code": "read"}, "requestHeader": [{"field": "a", "value": "b"}],
        "extension": [{
            "url": "http://ignixa.io/testscript/waitFor",
            "extension": [{"url": "maxAttempts", "valueInteger": 3}],
        }],
    }},
    metadata={"capability": [{"capabilities": {"reference": "a"}}]},
    identifier=[{"value": "a"}],
    profile=["http://some.test/profile"], _profile=[{"id": "p"}],
    contained=[{"resourceType": "Patient", "id": "c"}],
    fixture=[
        {"id": "f", "autocreate": True, "resource": {"reference": "#c"}},
        {"id": "g", "resource": {"extension": [
            {"url": "http://ignixa.io/testscript/fhirfakes", "valueCode": "Patient"},
        ]}},
    ],
    variable=[{"name": "v", "defaultValue": "a"}],
    common=[{"key": "k", "parameter": [{"name": "a"}], "action": [_READ]}],
    rule=[{"id": "r", "resource": {"reference": "r.xml"}, "param": [{"name": "a", "value": "b"}]}],
    extension=[{"url": "http://ignixa.io/testscript/fhirVersions", "valueString": "4.0"}],
)  # fmt: skip
RICH["test"][0]["extension"] = [
    {
        "url": "http://ignixa.io/testscript/parametrize",
        "extension": [
            {"url": "variable", "valueString": "v"},
            {"url": "values", "valueString": "a,b"},
        ],
    }
]


def test_nothing_in_place_of_an_element_raises() -> None:
    assert isinstance(read(RICH), Script)
    wrong = [None, True, 7, "x", "", [], {}, [None], [[]], [{}], {"x": {}}]
    count = 0
    for replace in _places(RICH):
        for value in wrong:
            broken = deepcopy(RICH)
            replace(broken, value)
            read_script(broken, suite="some", source="some.json", folder=None)
            count += 1
    assert count > 1000


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Callable[[Any, object], None]]:
    items = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, item in items:
        if isinstance(item, dict | list):
            yield from _places(item, (*path, key))

        def replace(root: Any, new: object, path: tuple[Any, ...] = path, key: Any = key) -> None:
            for step in path:
                root = root[step]
            root[key] = new

        yield replace
