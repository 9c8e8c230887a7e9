"""Fixtures: what a script sends and compares with.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.fixture

    {"reference": "#id"}             a contained resource
    {"reference": "file or Type/id"} a file of the suite
    {"resourceType": …}              the resource itself, as public suites have it
    {"extension": [fhirfakes]}       a resource made up here

A fixture that cannot be had does not break the script: whatever needs it fails and says why.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fhirserver.model.json import JsonObject, write_json
from fhirserver_conformance.script.extensions import made_up_type
from fhirserver_conformance.script.files import SuiteFileError, SuiteFiles, read_file
from fhirserver_conformance.script.made_up import made_up
from fhirserver_conformance.script.model import Fixture
from fhirserver_conformance.script.part import Part


@dataclass(frozen=True, slots=True)
class Place:
    """Where a script stands.

    Attributes:
        files: of its suite; None for a script that has no files.
        folder: of the script.
    """

    files: SuiteFiles
    folder: Path


class _AbsentError(ValueError):
    """No body, and why."""


def read_fixture(part: Part, contained: Mapping[str, JsonObject], place: Place | None) -> Fixture:
    """Read one fixture.

    Args:
        part: TestScript.fixture.
        contained: the script's contained resources by id.
        place: where the script stands; None where it came without files.

    Raises:
        ScriptError: what is no text or boolean.
    """
    body, problem = b"", None
    try:
        body = _body(part, contained, place)
    except _AbsentError as absent:
        problem = str(absent)
    return Fixture(
        id=part.text("id") or part.place,
        body=body,
        format=_format(body),
        autocreate=part.flag("autocreate"),
        autodelete=part.flag("autodelete"),
        problem=problem,
    )


def _body(part: Part, contained: Mapping[str, JsonObject], place: Place | None) -> bytes:
    resource = part.part("resource")
    if resource is None:
        raise _AbsentError("it has no resource")
    kind = made_up_type(resource)
    if kind is not None:
        made = made_up(kind)
        if made is None:
            raise _AbsentError(
                f"a resource of type {kind!r} is to be made up, which R4 does not have"
            )
        return write_json(made)
    if "resourceType" in resource.content:
        return write_json(resource.content)
    reference = resource.text("reference")
    if reference is None:
        raise _AbsentError("its resource is neither a reference nor a resource")
    if reference.startswith("#"):
        if reference[1:] not in contained:
            raise _AbsentError(f"the script contains no resource with the id {reference[1:]!r}")
        return write_json(contained[reference[1:]])
    return _of_file(reference, place)


def _of_file(reference: str, place: Place | None) -> bytes:
    if ":" in reference.partition("/")[0]:
        raise _AbsentError(
            f"{reference!r} is not fetched; keep the resource in a file of the suite"
        )
    if place is None:
        raise _AbsentError(
            f"{reference!r} is a file, and this script came without files; contain it"
        )
    try:
        return read_file(place.files.find(reference, place.folder))
    except SuiteFileError as fault:
        raise _AbsentError(str(fault)) from None


def _format(body: bytes) -> Literal["json", "xml"]:
    return "xml" if body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<" else "json"
