"""Shared actions stand where they are called, with their parameters filled in."""

import json
from pathlib import Path
from typing import Any

import pytest

from fhirserver_conformance.script.discover import read_script
from fhirserver_conformance.script.model import Assert, BrokenScript, Operation, Script

Json = dict[str, Any]
TOUCHSTONE = "http://touchstone.aegis.net/touchstone/fhir/testing/StructureDefinition/testscript-"
STATUS = {"assert": {"responseCode": "${code}", "description": "is ${code}"}}
TYPE = {"assert": {"contentType": "${type}"}}


def script_of(*actions: object, **more: object) -> Json:
    return {"resourceType": "TestScript", "test": [{"action": list(actions)}], **more}


FILES = {
    "rules/status.json": script_of(STATUS),
    "rules/both.json": script_of(STATUS, {"operation": {"type": {"code": "read"}}}, TYPE),
    "rules/set.json": script_of(
        rule=[
            {"id": "status", "resource": {"reference": "status.json"}},
            {"id": "type", "resource": {"reference": "type.json"}},
        ]
    ),
    "rules/type.json": script_of(TYPE),
    "rules/patient.json": {"resourceType": "Patient"},
}


def params(**values: str) -> list[Json]:
    return [{"name": name, "value": value} for name, value in values.items()]


def rule(reference: str, **values: str) -> Json:
    return {"id": "r", "resource": {"reference": reference}, "param": params(**values)}


def extension(url: str, *inside: Json) -> Json:
    return {"url": url, "extension": list(inside)}


def read(root: Path, script: Json) -> Script | BrokenScript:
    for name, content in FILES.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content))
    return read_script(script, suite="some", source="some.json", folder=root)


def _param(name: str, value: str) -> Json:
    return extension(
        "param", {"url": "name", "valueString": name}, {"url": "value", "valueString": value}
    )


BY_EXTENSION = script_of(
    {
        "assert": {
            "extension": [
                extension(
                    f"{TOUCHSTONE}assert-rule",
                    {"url": "ruleId", "valueId": "r"},
                    _param("code", "201"),
                )
            ]
        }
    },
    extension=[
        extension(
            f"{TOUCHSTONE}rule",
            {"url": "ruleId", "valueId": "r"},
            {"url": "path", "valueString": "rules/status.json"},
            _param("code", "200"),
        )
    ],
)
SET = {
    "id": "s",
    "resource": {"reference": "rules/set.json"},
    "rule": [
        {"ruleId": "status", "param": params(code="200")},
        {"ruleId": "type", "param": params(type="json")},
    ],
}


def calls(**content: object) -> Json:
    return {"assert": content}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(
            script_of(calls(rule={"ruleId": "r"}), rule=[rule("rules/status.json", code="200")]),
            [Assert(response_code="200", description="is 200")],
            id="STU3/rule-as-declared",
        ),
        pytest.param(
            script_of(
                calls(rule={"ruleId": "r", "param": params(code="201")}),
                rule=[rule("rules/status.json", code="200")],
            ),
            [Assert(response_code="201", description="is 201")],
            id="STU3/parameters-of-the-call-come-first",
        ),
        pytest.param(
            script_of(
                calls(rule={"ruleId": "r"}, warningOnly=True, sourceId="s"),
                rule=[rule("rules/both.json", code="200", type="xml")],
            ),
            [
                Assert(response_code="200", description="is 200", warning_only=True, source_id="s"),
                Assert(content_type="xml", warning_only=True, source_id="s"),
            ],
            id="STU3/all-asserts-of-the-file-and-what-the-call-says-of-them",
        ),
        pytest.param(
            script_of(
                calls(rule={"ruleId": "r"}, resource="Patient"),
                rule=[rule("rules/status.json", code="200")],
            ),
            [Assert(resource="Patient"), Assert(response_code="200", description="is 200")],
            id="STU3/beside-a-criterion-of-its-own",
        ),
        pytest.param(
            script_of(
                calls(
                    ruleset={
                        "rulesetId": "s",
                        "rule": [{"ruleId": "type", "param": params(type="xml")}],
                    }
                ),
                ruleset=[SET],
            ),
            [Assert(response_code="200", description="is 200"), Assert(content_type="xml")],
            id="STU3/ruleset",
        ),
        pytest.param(
            BY_EXTENSION, [Assert(response_code="201", description="is 201")], id="extension/rule"
        ),
        pytest.param(
            script_of(
                {"common": {"keyRef": "k", "parameter": params(id="7")}},
                common=[
                    {
                        "key": "k",
                        "parameter": [{"name": "id"}],
                        "action": [
                            {"operation": {"type": {"code": "read"}, "params": "/${id}"}},
                            {"assert": {"response": "okay", "description": "${other}"}},
                        ],
                    }
                ],
            ),
            [
                Operation(code="read", params="/7", wait_attempts=1, wait_interval_s=0.0),
                Assert(response="okay", description="${other}"),
            ],
            id="R6/common",
        ),
    ],
)
def test_called_actions(tmp_path: Path, script: Json, expected: list[object]) -> None:
    found = read(tmp_path, script)

    assert isinstance(found, Script), found
    assert list(found.tests[0].actions) == expected


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        pytest.param("rules/a.groovy", "it is a program (groovy)", id="program"),
        pytest.param("rules/absent.json", "there is no file", id="absent"),
        pytest.param("../outside.json", "lies outside", id="outside"),
        pytest.param("rules/patient.json", "is no TestScript", id="no-script"),
        pytest.param(None, "it names no file", id="no-file"),
    ],
)
def test_a_rule_that_cannot_be_had_is_skipped(
    tmp_path: Path, reference: str | None, said: str
) -> None:
    declared = {"id": "r", **({"resource": {"reference": reference}} if reference else {})}

    script = read(tmp_path, script_of(calls(rule={"ruleId": "r"}, label="L"), rule=[declared]))

    assert isinstance(script, Script)
    (skipped,) = script.tests[0].actions
    assert skipped.label == "L"
    assert (skipped.gate or "").startswith("the rule 'r' cannot be judged: ")
    assert said in (skipped.gate or "")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        pytest.param(
            script_of(calls(rule={"ruleId": "q"})), "no TestScript.rule declares it", id="rule"
        ),
        pytest.param(
            script_of(calls(ruleset={"rulesetId": "q"})),
            "no TestScript.ruleset declares it",
            id="ruleset",
        ),
        pytest.param(
            script_of(
                calls(ruleset={"rulesetId": "s"}),
                ruleset=[{**SET, "rule": [{"ruleId": "other"}]}],
            ),
            "its file declares no rule 'other'",
            id="rule-of-a-ruleset",
        ),
    ],
)
def test_a_call_of_what_is_not_declared_is_skipped(tmp_path: Path, script: Json, said: str) -> None:
    found = read(tmp_path, script)

    assert isinstance(found, Script)
    assert said in (found.tests[0].actions[0].gate or "")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        pytest.param(
            {"keyRef": "q"},
            "TestScript.test[0].action[0].common.keyRef: 'q' is the key of no TestScript.common",
            id="unknown-key",
        ),
        pytest.param(
            {"keyRef": "k", "testScript": "http://a.test/other"},
            "TestScript.test[0].action[0].common.testScript: calls another script's actions",
            id="of-another-script",
        ),
        pytest.param({}, "TestScript.test[0].action[0].common: 'keyRef' is missing", id="no-key"),
        pytest.param(
            {"keyRef": "k", "parameter": [{"value": "v"}]},
            "TestScript.test[0].action[0].common.parameter[0]: 'name' is missing",
            id="parameter-without-name",
        ),
    ],
)
def test_a_common_collection_that_cannot_be_had_breaks_the_script(
    tmp_path: Path, call: Json, said: str
) -> None:
    common = [{"key": "k", "action": [{"assert": {"response": "okay"}}]}]

    script = read(tmp_path, script_of({"common": call}, common=common))

    assert isinstance(script, BrokenScript)
    assert script.problem.startswith(said)


def test_what_no_parameter_fills_in_stays_for_the_variables(tmp_path: Path) -> None:
    script = read(
        tmp_path,
        script_of(calls(rule={"ruleId": "r"}), rule=[rule("rules/status.json", other="200")]),
    )
    assert isinstance(script, Script)
    (unfilled,) = script.tests[0].actions
    assert isinstance(unfilled, Assert)
    assert unfilled.response_code == "${code}"
