"""What extensions make of scripts, tests, operations and asserts."""

from typing import Any

import pytest

from fhirserver_conformance.script.discover import read_script
from fhirserver_conformance.script.model import BrokenScript, Script, Test

Json = dict[str, Any]
IGNIXA = "http://ignixa.io/testscript"
TOUCHSTONE = "http://touchstone.aegis.net/touchstone/fhir/testing/StructureDefinition"
CRUCIBLE = "https://fhir-crucible.github.io/testscript-engine-ig/StructureDefinition"
_READ = {"type": {"code": "read"}}
_VARIABLE = [{"name": "v", "defaultValue": "d"}]


def simple(url: str, value: object, kind: str = "valueString") -> Json:
    return {"url": url, kind: value}


def complex_(url: str, **values: object) -> Json:
    return {"url": url, "extension": [simple(name, value) for name, value in values.items()]}


def read(test: Json, **more: object) -> Script | BrokenScript:
    test = {"name": "t", "action": [{"operation": _READ}], **test}
    resource = {"resourceType": "TestScript", "test": [test], **more}
    return read_script(resource, suite="some", source="some.json", folder=None)


def read_tests(*extensions: Json, **more: object) -> tuple[Test, ...]:
    script = read({"extension": list(extensions), **more}, variable=_VARIABLE)
    assert isinstance(script, Script), script
    return script.tests


@pytest.mark.parametrize(
    ("extension", "attribute", "expected"),
    [
        pytest.param(
            simple(f"{IGNIXA}/fhirVersions", "4.0, 4.3,5.0"),
            "fhir_versions",
            ("4.0", "4.3", "5.0"),
            id="fhirVersions",
        ),
        pytest.param(
            simple(f"{IGNIXA}/requiresCapability", "rest.exists()"),
            "requires_capability",
            ("rest.exists()",),
            id="requiresCapability",
        ),
        pytest.param(
            simple("http://fhir-conformance.test/StructureDefinition/requirement", "STO-01"),
            "requirements",
            ("STO-01",),
            id="requirement",
        ),
        pytest.param(simple("http://some.test/other", "4.0"), "fhir_versions", (), id="unknown"),
    ],
)
def test_of_a_test_and_of_a_script(extension: Json, attribute: str, expected: object) -> None:
    script = read({}, extension=[extension])

    assert isinstance(script, Script)
    assert getattr(script, attribute) == expected
    assert getattr(script.tests[0], attribute) == ()
    assert getattr(read_tests(extension)[0], attribute) == expected


def test_requires_capability_is_also_an_element() -> None:
    (test,) = read_tests(simple(f"{IGNIXA}/requiresCapability", "a"), requiresCapability="b")

    assert test.requires_capability == ("a", "b")


def test_a_parametrized_test_runs_once_per_value() -> None:
    found = read_tests(complex_(f"{IGNIXA}/parametrize", variable="v", values="1, ***,2020-01-01"))

    assert [(test.name, test.variables) for test in found] == [
        ("t [1]", (("v", "1"),)),
        ("t [***]", (("v", "***"),)),
        ("t [2020-01-01]", (("v", "2020-01-01"),)),
    ]


@pytest.mark.parametrize(
    ("extensions", "said"),
    [
        pytest.param(
            [complex_(f"{IGNIXA}/parametrize", variable="w", values="1")],
            "TestScript.test[0]: is repeated for 'w', which is no variable",
            id="unknown-variable",
        ),
        pytest.param(
            [complex_(f"{IGNIXA}/parametrize", variable="v", values=" , ")],
            "TestScript.test[0].extension[0]: parametrize needs",
            id="no-values",
        ),
        pytest.param(
            [complex_(f"{IGNIXA}/parametrize", values="1")],
            "TestScript.test[0].extension[0]: parametrize needs",
            id="no-variable",
        ),
        pytest.param(
            [complex_(f"{IGNIXA}/parametrize", variable="v", values="1")] * 2,
            "TestScript.test[0]: parametrize stands more than once",
            id="twice",
        ),
    ],
)
def test_a_test_that_cannot_be_parametrized(extensions: list[Json], said: str) -> None:
    script = read({"extension": extensions}, variable=_VARIABLE)

    assert isinstance(script, BrokenScript)
    assert script.problem.startswith(said)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param(None, (None, 1, 0.0), id="none"),
        pytest.param({}, (202, 60, 1.0), id="defaults"),
        pytest.param(
            {"pollingStatusCode": 503, "maxAttempts": 3, "intervalMs": 250},
            (503, 3, 0.25),
            id="given",
        ),
        pytest.param({"maxAttempts": 0}, "waitFor takes a status of 100 to 599", id="no-attempt"),
        pytest.param({"pollingStatusCode": 99}, "waitFor takes a status", id="no-status"),
        pytest.param({"intervalMs": -1}, "waitFor takes a status", id="negative-pause"),
        pytest.param({"intervalMs": "soon"}, "waitFor takes whole numbers", id="no-number"),
    ],
)
def test_wait_for(values: Json | None, expected: object) -> None:
    extension = [] if values is None else [complex_(f"{IGNIXA}/waitFor", **values)]

    script = read({"action": [{"operation": {**_READ, "extension": extension}}]})

    if isinstance(script, BrokenScript):
        assert f"operation.extension[0]: {expected}" in script.problem
        return
    (operation,) = script.tests[0].actions
    found = (operation.wait_while_status, operation.wait_attempts, operation.wait_interval_s)
    assert found == expected


@pytest.mark.parametrize(
    ("extension", "attribute", "expected"),
    [
        pytest.param(
            simple(f"{IGNIXA}/assertionAnyOfGroup", "g"), "any_of_group", "g", id="any-of"
        ),
        pytest.param(
            simple(f"{TOUCHSTONE}/testscript-assert-stopTestOnFail", False, "valueBoolean"),
            "stop_test_on_fail",
            False,
            id="stopTestOnFail/false",
        ),
        pytest.param(
            simple(f"{TOUCHSTONE}/testscript-assert-stopTestOnFail", True, "valueBoolean"),
            "stop_test_on_fail",
            True,
            id="stopTestOnFail/true",
        ),
        pytest.param(
            complex_(f"{IGNIXA}/assertionWhenResponseStatus", sourceId="s", status=202),
            "gate",
            "hangs on another response's status, not offered",
            id="when-response-status",
        ),
        pytest.param(
            complex_(f"{CRUCIBLE}/assert-subtest", testName="t"),
            "gate",
            "runs a test of another script, which is not offered",
            id="subtest",
        ),
        pytest.param(simple("http://some.test/other", "x"), "gate", None, id="unknown"),
    ],
)
def test_of_an_assert(extension: Json, attribute: str, expected: object) -> None:
    script = read({"action": [{"assert": {"response": "okay", "extension": [extension]}}]})

    assert isinstance(script, Script)
    assert getattr(script.tests[0].actions[0], attribute) == expected
