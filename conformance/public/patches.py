"""HL7's patch cases (FHIR/fhir-test-cases) over HTTP: create the input, PATCH it, compare.

    fhir-patch-tests.xml    input, diff (Parameters) and output, each a FHIR resource
    json-patch-tests.json   doc, patch, and expected or error: no doc is a resource
    xml-patch-tests.xml     target, patch, and patched or error: no target is a resource

The last two are made for a patch engine by itself. A FHIR server stores no such documents, so
their cases are listed and not tried.

Spec: https://hl7.org/fhir/R4/http.html#patch and https://hl7.org/fhir/R4/fhirpatch.html
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from lxml import etree

from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.model.json import write_json
from fhirserver.model.xml import parse_xml
from fhirserver_conformance.public.cases import (
    DataError,
    JsonObject,
    Site,
    as_script,
    case,
    checked,
    read_json,
    resource_of,
    sent,
    skipped,
    status_is,
)
from fhirserver_conformance.results import ActionResult, ScriptResult, TestResult

SUITE = "patch"
_SERVER_SETS = ("id", "meta", "text")
_NO_RESOURCE = "its document is no FHIR resource, and a FHIR server stores no other"


def run(site: Site) -> Iterator[ScriptResult]:
    """Try the cases of FHIRPath Patch, and list those of JSON Patch and XML Patch."""
    folder = site.data / SUITE
    for name, cases in _FILES.items():
        yield as_script(site, SUITE, name, partial(cases, site, folder / name))


def difference(expected: JsonObject, found: JsonObject) -> str | None:
    """Say how two resources differ but for what a server sets by itself; None where not."""
    left, right = (
        {name: value for name, value in each.items() if name not in _SERVER_SETS}
        for each in (expected, found)
    )
    if left == right:
        return None
    return f"became {write_json(right).decode()}, not {write_json(left).decode()}"


def _fhirpath_patches(site: Site, path: Path) -> Iterator[TestResult]:
    for element in _xml_cases(path):
        given, diff, output = (
            _resource(element.find(f"{{*}}{part}"), path) for part in ("input", "diff", "output")
        )
        actions = _actions(site, given, diff, output)
        yield case(element.get("name", ""), "the patched resource is as told", *actions)


def _json_patches(_site: Site, path: Path) -> Iterator[TestResult]:
    return (skipped(each["comment"], _NO_RESOURCE) for each in read_json(path))


def _xml_patches(_site: Site, path: Path) -> Iterator[TestResult]:
    return (skipped(each.get("name", ""), _NO_RESOURCE) for each in _xml_cases(path))


def _actions(
    site: Site, given: JsonObject, diff: JsonObject, output: JsonObject
) -> Iterator[ActionResult]:
    created = site.send("POST", given["resourceType"], write_json(given))
    yield sent(created)
    yield status_is(created, 201)
    place = f"{given['resourceType']}/{resource_of(created).get('id')}"
    answer = site.send("PATCH", place, write_json(diff))
    yield sent(answer)
    yield status_is(answer, 200)
    if answer.status == 200:
        stored = site.send("GET", place)
        yield sent(stored)
        yield checked("is stored as told", difference(output, resource_of(stored)))


def _xml_cases(path: Path) -> list[Any]:
    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True)
        return list(etree.parse(path, parser).getroot().iterfind("{*}case"))
    except (OSError, etree.XMLSyntaxError) as error:
        raise DataError(f"{path.name} cannot be read: {error}; fetch the suite again") from error


def _resource(holder: Any, path: Path) -> JsonObject:
    try:
        content: JsonObject = parse_xml(etree.tostring(holder[0]), r4())
    except (FhirError, TypeError, IndexError) as error:
        raise DataError(f"{path.name} holds a case without a resource: {error}") from error
    return content


_FILES = {
    "fhir-patch-tests.xml": _fhirpath_patches,
    "json-patch-tests.json": _json_patches,
    "xml-patch-tests.xml": _xml_patches,
}
