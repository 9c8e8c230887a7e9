"""R4 TestScripts as JSON, put together from their parts.

Spec: https://hl7.org/fhir/R4/testscript.html

A draft is what other engines can run too: the TestScript, and the files that its fixtures name.
What each test proves stands in an extension, and in the draft: the claims by test.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from fhirserver_conformance.script.extensions import REQUIREMENT
from fhirserver_conformance.script.model import BrokenScript, Fixture, Script

Json = dict[str, Any]

CAPABILITY = "http://ignixa.io/testscript/requiresCapability"
TESTING = "http://terminology.hl7.org/CodeSystem/testscript-operation-codes"
ACCEPTED = "200,201,202,204"
REFUSED = "400,404,409,412,422"


@dataclass(frozen=True, slots=True)
class Draft:
    """One TestScript to be.

    Attributes:
        source: its file in the suite, e.g. "search/Patient.json".
        resource: the TestScript.
        files: bodies of fixtures by their file in the suite.
        claims: by name of a test, what of the CapabilityStatement it shows; see `claims`.
    """

    source: str
    resource: Json
    files: Mapping[str, bytes] = field(default_factory=dict)
    claims: Mapping[str, frozenset[str]] = field(default_factory=dict)


def operation(code: str, more: Mapping[str, object]) -> Json:
    """Make an operation; `more` holds its other elements, e.g. {"resource": "Patient"}."""
    kind = {"system": TESTING, "code": code}
    return {"operation": {"type": kind, "encodeRequestUrl": False, **more}}


def header(name: str, value: str) -> Json:
    """Make an operation.requestHeader."""
    return {"field": name, "value": value}


WHOLE = header("Prefer", "return=representation")
"""Asks a server to answer with the resource as it stored it."""


def expect(description: str, more: Mapping[str, object], *, warn: bool = False) -> Json:
    """Make an assert; `more` holds its criterion; `warn` makes a failure advice."""
    return {"assert": {"description": description, **more, "warningOnly": warn}}


def expect_okay(*, warn: bool = False) -> Json:
    """Expect 200."""
    return expect("it is answered", {"response": "okay"}, warn=warn)


def expect_status(codes: str) -> Json:
    """Expect one of several codes of HTTP, e.g. "400,422"."""
    said = f"the status is one of {codes}" if "," in codes else f"the status is {codes}"
    operator = "in" if "," in codes else "equals"
    return expect(said, {"responseCode": codes, "operator": operator})


def expect_value(expression: str, value: str, operator: str = "equals") -> Json:
    """Expect a value of the last response's resource, e.g. of "Patient.language"."""
    criterion = {"expression": expression, "operator": operator, "value": value}
    return expect(f"{expression} {operator} {value}", criterion)


def expect_nothing(description: str, expression: str) -> Json:
    """Expect that an expression gives nothing; what it gives is what is wrong."""
    return expect(description, {"expression": expression, "operator": "empty"})


def test(name: str, description: str, shows: Iterable[str], actions: Sequence[Json]) -> Json:
    """Make a test; `shows` are ids or addresses of requirements."""
    proved = [{"url": REQUIREMENT, "valueString": each} for each in shows]
    return {"extension": proved, "name": name, "description": description, "action": list(actions)}


def testscript(name: str, description: str, parts: Mapping[str, object]) -> Json:
    """Make a TestScript; `parts` are its variable, fixture, setup, test and teardown.

    Empty parts are left out, as the format asks.
    """
    plain = "".join(letter if letter.isalnum() else "_" for letter in name)
    head = {
        "resourceType": "TestScript",
        "url": f"http://fhir-conformance.test/TestScript/{plain.replace('_', '-')}",
        "name": plain[:1].upper() + plain[1:],
        "title": name,
        "status": "active",
        "description": description,
    }
    return head | {key: value for key, value in parts.items() if value}


def phase(actions: Sequence[Json]) -> Json:
    """Make setup or teardown of its actions; nothing of none."""
    return {"action": list(actions)} if actions else {}


def fixture(id_: str, file: str) -> Json:
    """Make a fixture whose body is a file beside the script."""
    return {
        "id": id_,
        "autocreate": False,
        "autodelete": False,
        "resource": {"reference": file},
    }


def with_bodies(script: Script | BrokenScript, files: Mapping[str, bytes]) -> Script | BrokenScript:
    """Fill in the fixtures whose files are at hand, not in a folder."""
    if isinstance(script, BrokenScript):
        return script
    folder = PurePosixPath(script.source).parent
    named = {each["id"]: each["resource"] for each in script.resource.get("fixture", ())}

    def filled(fixture_: Fixture) -> Fixture:
        reference = named[fixture_.id].get("reference", "")
        body = files.get(str(folder / reference))
        return fixture_ if body is None else replace(fixture_, body=body, problem=None)

    return replace(script, fixtures=tuple(filled(each) for each in script.fixtures))
