"""Reads one TestScript: from JSON of any version to what the engine runs.

Spec: https://hl7.org/fhir/R4/testscript.html

All that is wrong with a script is said at once, as far as one fault does not hide another.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

from fhirserver.model.json import JsonObject
from fhirserver_conformance.script.extensions import (
    Parameters,
    fhir_versions,
    parameters,
    requirements,
    requires_capability,
)
from fhirserver_conformance.script.files import SuiteFiles
from fhirserver_conformance.script.fixtures import Place, read_fixture
from fhirserver_conformance.script.model import (
    Action,
    BrokenScript,
    Fixture,
    Script,
    Test,
    Variable,
)
from fhirserver_conformance.script.part import Part, ScriptError
from fhirserver_conformance.script.rules import SharedActions
from fhirserver_conformance.script.stu3 import to_r4

_FAULTS_SHOWN = 5
_Read = TypeVar("_Read")


def read_script(
    resource: JsonObject,
    *,
    suite: str,
    source: str,
    folder: Path | None,
    files: SuiteFiles | None = None,
) -> Script | BrokenScript:
    """Read a TestScript that is there as JSON.

    Args:
        resource: the TestScript.
        suite: name of the suite.
        source: where it was read from, for reports.
        folder: where its fixtures' files stand; None for a script without files.
        files: of the suite; those in `folder` where None.

    Returns:
        The script, or what is wrong with it.
    """
    place = None
    if folder is not None:
        place = Place(files or SuiteFiles(folder), folder)
    reader = _Reader()
    script = reader.script(Part("TestScript", to_r4(resource)), suite, source, place)
    if script is None or reader.faults:
        return BrokenScript(suite=suite, source=source, problem=_joined(reader.faults))
    return script


class _Reader:
    """Collects faults while it reads."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def script(self, part: Part, suite: str, source: str, place: Place | None) -> Script | None:
        try:
            shared = SharedActions(part, place)
            variables = self._each(part, "variable", _variable)
            self._expect_unique("variable", (variable.name for variable in variables))
            setup = self._actions(part.part("setup"), shared)
            tests = self._tests(part, shared, {variable.name for variable in variables})
            if not setup and not tests and not self.faults:
                raise part.fault("has neither setup nor test, so it would judge nothing")
            return Script(
                suite=suite,
                source=source,
                name=part.text("name") or part.text("title") or part.text("id") or source,
                url=part.text("url") or "",
                description=part.text("description") or part.text("title") or "",
                resource=part.content,
                fixtures=self._fixtures(part, place),
                profiles=self._each(part, "profile", _profile),
                variables=variables,
                setup=setup,
                tests=tests,
                teardown=self._actions(part.part("teardown"), shared),
                fhir_versions=fhir_versions(part),
                requires_capability=requires_capability(part),
                requirements=_script_requirements(part),
            )
        except ScriptError as fault:
            self.faults.append(str(fault))
            return None

    def _fixtures(self, part: Part, place: Place | None) -> tuple[Fixture, ...]:
        contained = {
            item.content["id"]: item.content
            for item in part.parts("contained")
            if isinstance(item.content.get("id"), str)
        }
        found = self._each(part, "fixture", lambda item: read_fixture(item, contained, place))
        self._expect_unique("fixture", (fixture.id for fixture in found))
        return found

    def _each(self, part: Part, name: str, read: Callable[[Part], _Read]) -> tuple[_Read, ...]:
        found = []
        for item in part.parts(name):
            try:
                found.append(read(item))
            except ScriptError as fault:
                self.faults.append(str(fault))
        return tuple(found)

    def _expect_unique(self, kind: str, names: Iterable[str]) -> None:
        for name, count in Counter(names).items():
            if count > 1:
                self.faults.append(f"TestScript.{kind}: {name!r} stands {count} times; rename one")

    def _actions(self, part: Part | None, shared: SharedActions) -> tuple[Action, ...]:
        called = () if part is None else self._each(part, "action", shared.read)
        return tuple(chain.from_iterable(called))

    def _tests(self, part: Part, shared: SharedActions, variables: set[str]) -> tuple[Test, ...]:
        found = []
        for number, item in enumerate(part.parts("test"), 1):
            try:
                found += self._test(item, number, shared, variables)
            except ScriptError as fault:
                self.faults.append(str(fault))
        return _unique(found)

    def _test(
        self, part: Part, number: int, shared: SharedActions, variables: set[str]
    ) -> list[Test]:
        if not part.parts("action"):
            raise part.fault("has no action, so it would judge nothing; give it one")
        name = part.text("name") or part.text("id") or f"test {number}"
        repeated = parameters(part)
        if repeated is not None and repeated.variable not in variables:
            raise part.fault(f"is repeated for {repeated.variable!r}, which is no variable")
        test = Test(
            name=name,
            description=part.text("description") or "",
            actions=self._actions(part, shared),
            requirements=_test_requirements(part),
            fhir_versions=fhir_versions(part),
            requires_capability=requires_capability(part),
        )
        return _repeated(test, repeated)


def _variable(part: Part) -> Variable:
    return Variable(
        name=part.needed("name"),
        default_value=part.text("defaultValue"),
        expression=part.text("expression"),
        header_field=part.text("headerField"),
        path=part.text("path"),
        source_id=part.text("sourceId"),
    )


def _profile(part: Part) -> tuple[str, str]:
    return part.text("id") or part.place, part.needed("reference")


def _script_requirements(part: Part) -> tuple[str, ...]:
    artifacts = (item.text("url") for item in part.parts("relatedArtifact"))
    return _distinct((*requirements(part), *artifacts))


def _test_requirements(part: Part) -> tuple[str, ...]:
    """Give the requirements of a test, and those that R5 links its asserts to."""
    linked = [
        requirement.text("linkUri") or requirement.text("linkCanonical")
        for action in part.parts("action")
        if (judged := action.part("assert")) is not None
        for requirement in judged.parts("requirement")
    ]
    return _distinct((*requirements(part), *linked))


def _distinct(found: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for each in found if each))


def _repeated(test: Test, repeated: Parameters | None) -> list[Test]:
    if repeated is None:
        return [test]
    return [
        replace(test, name=f"{test.name} [{value}]", variables=((repeated.variable, value),))
        for value in repeated.values
    ]


def _unique(tests: list[Test]) -> tuple[Test, ...]:
    """Number tests that share a name."""
    seen: Counter[str] = Counter()
    found = []
    for test in tests:
        seen[test.name] += 1
        count = seen[test.name]
        found.append(test if count == 1 else replace(test, name=f"{test.name} ({count})"))
    return tuple(found)


def _joined(faults: list[str]) -> str:
    more = len(faults) - _FAULTS_SHOWN
    return "; ".join(faults[:_FAULTS_SHOWN]) + (f"; and {more} more" if more > 0 else "")
