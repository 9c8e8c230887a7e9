"""Every file of the public suites is read: what becomes of it, suite by suite."""

from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from fhirserver_conformance.script.discover import Suite, read_suite
from fhirserver_conformance.script.model import Action, BrokenScript, Script

BROKEN = {
    "crucible-engine-examples": {
        "examples/TestScript-us-mcode-profile-search-comorbidities.json": (
            "TestScript.test[0].action[0]: an action is one operation or one assert; "
            "this one holds 'operation' and 'assert'"
        ),
        "examples/basic_testscript.json": "TestScript.setup.action[1].assert: judges nothing",
        "examples/basic_testscript_profile.json": (
            "TestScript.setup.action[1].assert: judges nothing"
        ),
        "examples/fixtures/basic_fixture_testscript.json": (
            "TestScript.setup.action[1].assert: judges nothing"
        ),
        "examples/invalid_json.json": "TestScript: The body is not JSON at line 2, column 30",
        "examples/testscript/testscript_fixture_test.json": (
            "TestScript.test[0].action[0].operation: 'result' is no element here"
        ),
    }
}

COUNTS = {
    "aegis-connectathon15-stu3": {"scripts": 78, "tests": 171, "actions": 2482, "skipped": 3},
    "crucible-engine-examples": {"scripts": 19, "tests": 33, "actions": 158, "skipped": 2},
    "ignixa": {"scripts": 21, "tests": 144, "actions": 855, "skipped": 0},
    "mock-health": {"scripts": 19, "tests": 19, "actions": 43, "skipped": 0},
    "touchstone-terminology-r4": {"scripts": 19, "tests": 55, "actions": 354, "skipped": 11},
}

ABSENT = {
    "aegis-connectathon15-stu3": 2,
    "crucible-engine-examples": 23,
    "ignixa": 0,
    "mock-health": 0,
    "touchstone-terminology-r4": 36,
}
"""Fixtures without a body: their files are not among those that were published."""


@pytest.fixture(params=sorted(COUNTS))
def suite(request: pytest.FixtureRequest, test_data: Path) -> Suite:
    return read_suite(test_data / "testscripts" / request.param)


def test_every_script_is_read_or_said_to_be_broken_and_why(suite: Suite) -> None:
    broken = {each.source: each for each in suite.scripts if isinstance(each, BrokenScript)}
    expected = BROKEN.get(suite.name, {})

    assert broken.keys() == expected.keys()
    for source, problem in expected.items():
        assert broken[source].problem.startswith(problem)


def test_what_is_read_is_all_that_the_files_hold(suite: Suite) -> None:
    scripts = _scripts(suite)
    actions = list(chain.from_iterable(map(_actions, scripts)))

    found = {
        "scripts": len(scripts),
        "tests": sum(len(script.tests) for script in scripts),
        "actions": len(actions),
        "skipped": sum(1 for action in actions if action.gate),
    }
    assert found == COUNTS[suite.name]


def test_fixtures_are_found_where_they_were_published(suite: Suite) -> None:
    fixtures = [fixture for script in _scripts(suite) for fixture in script.fixtures]

    assert sum(1 for fixture in fixtures if fixture.problem) == ABSENT[suite.name]
    assert all(bool(fixture.body) != bool(fixture.problem) for fixture in fixtures)


def test_names_of_tests_are_unique_in_a_script(suite: Suite) -> None:
    for script in _scripts(suite):
        repeated = Counter(test.name for test in script.tests)
        assert max(repeated.values()) == 1, script.source


def _scripts(suite: Suite) -> list[Script]:
    return [each for each in suite.scripts if isinstance(each, Script)]


def _actions(script: Script) -> list[Action]:
    tests = chain.from_iterable(test.actions for test in script.tests)
    return [*script.setup, *tests, *script.teardown]
