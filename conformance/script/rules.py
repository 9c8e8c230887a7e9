"""Rules, rulesets and common collections: actions that scripts share, put where they are called.

Spec: https://hl7.org/fhir/STU3/testscript.html (rule, ruleset) and
https://hl7.org/fhir/6.0.0-ballot3/testscript.html (common)

              declared on the script             called in an action
    STU3      rule, ruleset                      assert.rule, assert.ruleset
    extension testscript-rule, -ruleset          testscript-assert-rule, -ruleset on the assert
    R6        common (key)                       common (keyRef)

A rule's file is a TestScript: its asserts stand in for the call, with ${name} filled in from the
call's parameters, else from those of the declaration. A ruleset's file is a TestScript that
declares rules. Rules that are programs are not run: the assert is skipped and says so.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from fhirserver.model.json import JsonObject, JsonValue
from fhirserver_conformance.script.actions import CRITERIA, read_action
from fhirserver_conformance.script.files import SuiteFileError, read_file
from fhirserver_conformance.script.fixtures import Place
from fhirserver_conformance.script.model import Action, Assert
from fhirserver_conformance.script.parse import parse_script
from fhirserver_conformance.script.part import Part, ScriptError, value_of

_EXTENSION = "http://touchstone.aegis.net/touchstone/fhir/testing/StructureDefinition/testscript-"
_KINDS = ("rule", "ruleset")
_INHERITED = ("direction", "sourceId", "stopTestOnFail", "warningOnly")
"""What a call says of all the asserts that stand in for it."""

_Values = Mapping[str, str]


class _NotAvailableError(ValueError):
    """A rule that cannot be had, and why."""


class SharedActions:
    """What one script shares.

    Args:
        script: the TestScript.
        place: where it stands; None where it came without files.

    Raises:
        ScriptError: a common collection without a key.
    """

    def __init__(self, script: Part, place: Place | None) -> None:
        self._place = place
        self._common = {each.needed("key"): each for each in script.parts("common")}
        self._declared = {kind: _declarations(script, kind) for kind in _KINDS}

    def read(self, action: Part) -> tuple[Action, ...]:
        """Read an action, or those that it calls.

        Raises:
            ScriptError: as `read_action`; a common collection that this script does not have.
        """
        common = action.part("common")
        if common is not None:
            return self._of_common(common)
        caller = action.part("assert")
        calls = [] if caller is None else list(_calls(caller))
        if caller is None or not calls:
            return (read_action(action),)
        own = _without_calls(caller)
        found = [read_action(Part(action.place, {"assert": own}))] if _judges(own) else []
        for kind, call in calls:
            found += self._of_call(kind, call, caller)
        return tuple(found)

    def _of_common(self, call: Part) -> tuple[Action, ...]:
        key = call.needed("keyRef")
        if call.text("testScript") is not None:
            raise call.fault(
                "calls another script's actions; copy them into this one", "testScript"
            )
        if key not in self._common:
            raise call.fault(f"{key!r} is the key of no TestScript.common", "keyRef")
        values = _parameters(call, "parameter")
        return tuple(
            read_action(Part(action.place, _filled(action.content, values)))
            for action in self._common[key].parts("action")
        )

    def _of_call(self, kind: str, call: Part, caller: Part) -> list[Action]:
        name = call.needed(f"{kind}Id")
        try:
            asserts = list(self._asserts(kind, name, call))
        except (_NotAvailableError, SuiteFileError, ScriptError) as reason:
            return [_skipped(caller, f"the {kind} {name!r} cannot be judged: {reason}")]
        inherited = {key: caller.content[key] for key in _INHERITED if key in caller.content}
        return [
            read_action(Part(f"{caller.place}.{kind}", {"assert": inherited | each}))
            for each in asserts
        ]

    def _asserts(self, kind: str, name: str, call: Part) -> Iterator[JsonObject]:
        declared = self._declared[kind].get(name)
        if declared is None:
            raise _NotAvailableError(f"no TestScript.{kind} declares it")
        if self._place is None:
            raise _NotAvailableError("it is in a file, and this script came without files")
        if kind == "rule":
            values = _parameters(declared) | _parameters(call)
            yield from _of_file(declared, self._place, values)
            return
        script, place = _load(declared, self._place)
        inside = _declarations(script, "rule")
        given, called = _by_rule(declared), _by_rule(call)
        for rule in given:
            if rule not in inside:
                raise _NotAvailableError(f"its file declares no rule {rule!r}")
            values = _parameters(inside[rule]) | given[rule] | called.get(rule, {})
            yield from _of_file(inside[rule], place, values)


def _declarations(script: Part, kind: str) -> dict[str, Part]:
    extended = (_as_element(each) for each in script.extensions(f"{_EXTENSION}{kind}"))
    declared = (*script.parts(kind), *extended)
    return {each.text(f"{kind}Id") or each.needed("id"): each for each in declared}


def _calls(caller: Part) -> Iterator[tuple[str, Part]]:
    for kind in _KINDS:
        for part in caller.parts(kind):
            yield kind, part
        for extension in caller.extensions(f"{_EXTENSION}assert-{kind}"):
            yield kind, _as_element(extension)


def _without_calls(caller: Part) -> JsonObject:
    urls = [f"{_EXTENSION}assert-{kind}" for kind in _KINDS]
    own = {name: value for name, value in caller.content.items() if name not in _KINDS}
    kept = [
        each.content for each in caller.parts("extension") if each.content.get("url") not in urls
    ]
    return own | {"extension": kept}


def _judges(content: JsonObject) -> bool:
    return any(name in content for name in (*CRITERIA, "compareToSourceId"))


def _as_element(extension: Part) -> Part:
    """Write a complex extension as the element that STU3 has for it."""
    found: JsonObject = {}
    for each in extension.parts("extension"):
        name = each.needed("url")
        if each.parts("extension"):
            found.setdefault(name, []).append(_as_element(each).content)
        else:
            found[name] = value_of(each)
    return Part(extension.place, found)


def _parameters(part: Part, name: str = "param") -> dict[str, str]:
    return {each.needed("name"): each.text("value") or "" for each in part.parts(name)}


def _by_rule(part: Part) -> dict[str, dict[str, str]]:
    return {each.needed("ruleId"): _parameters(each) for each in part.parts("rule")}


def _of_file(declared: Part, place: Place, values: _Values) -> Iterator[JsonObject]:
    script, _ = _load(declared, place)
    setup = script.part("setup")
    for phase in (*([setup] if setup else []), *script.parts("test")):
        for action in phase.parts("action"):
            asserted = action.part("assert")
            if asserted is not None:
                yield _filled(asserted.content, values)


def _load(declared: Part, place: Place) -> tuple[Part, Place]:
    """Read a rule's or ruleset's file; with it where its own references start from."""
    resource = declared.part("resource")
    reference = declared.text("path") or (resource.text("reference") if resource else None)
    if reference is None:
        raise _NotAvailableError("it names no file")
    ending = PurePosixPath(reference).suffix
    if ending not in ("", ".json", ".xml"):
        raise _NotAvailableError(f"it is a program ({ending[1:]}), and programs are not run here")
    path: Path = place.files.find(reference, place.folder)
    script = parse_script(read_file(path))
    if script is None:
        raise _NotAvailableError(f"{reference!r} is no TestScript")
    return Part("TestScript", script), Place(place.files, path.parent)


def _filled(value: JsonValue, values: _Values) -> JsonValue:
    if isinstance(value, dict):
        return {key: _filled(item, values) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, values) for item in value]
    if isinstance(value, str):
        for name, given in values.items():
            value = value.replace(f"${{{name}}}", given)
    return value


def _skipped(caller: Part, reason: str) -> Assert:
    return Assert(
        id=caller.text("id"),
        label=caller.text("label") or "",
        description=caller.text("description") or "",
        warning_only=caller.flag("warningOnly"),
        gate=reason,
    )
