"""What is fuzzed: each target takes some bytes, and only what is foreseen may go wrong.

    fhirpath       parse, evaluate on a patient, and make parts of what is found and drawn
    json, xml      read a body; what was read is written and read again
    json-patch, merge-patch, xml-patch, fhirpath-patch
                   read, apply to a patient, validate what comes of it
    search         a query string to a plan and its SQL
    filter         a `_filter` likewise

A target raises AssertionError where a result is wrong, and whatever slips through: both are
findings.
What an evaluation or a search may cost is counted in steps or refused by limits, so an input that
takes long is a finding too; the caller looks at the time.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.fhirpath import Context, FhirPathError, compile_expression, root_node
from fhirserver.fhirpath.contexts import evaluate_each, find_places
from fhirserver.fhirpath.lab_tree import lab_tree
from fhirserver.fhirpath.parts import part_of
from fhirserver.http.query import parse_query
from fhirserver.interactions.patch_formats import (
    FHIRPATH_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    PATCH_FORMATS,
    XML_PATCH,
)
from fhirserver.model.json import parse_json, write_json
from fhirserver.model.xml import parse_xml, write_xml
from fhirserver.search.context import SearchContext
from fhirserver.search.granted import EVERYTHING
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.search.sql import page_query
from fhirserver.validation import validate

Target = Callable[[bytes], None]

PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p",
    "active": True,
    "name": [
        {"use": "official", "family": "Ode", "given": ["Ann", "Bea"]},
        {"use": "old", "given": [None, "Cleo"], "_given": [{"id": "g"}, None]},
    ],
    "birthDate": "1974-12",
    "_birthDate": {"extension": [{"url": "http://example.org/e", "valueInteger": 5}]},
    "deceasedDateTime": "2020-05-06T07:08:09.5+02:00",
    "multipleBirthInteger": 2,
    "contained": [{"resourceType": "Organization", "id": "o", "name": "Ward"}],
    "managingOrganization": {"reference": "#o"},
    "contact": [{"relationship": [{"coding": [{"system": "http://s", "code": "N"}]}]}],
    "extension": [
        {
            "url": "http://example.org/q",
            "valueQuantity": {
                "value": 5.5,
                "system": "http://unitsofmeasure.org",
                "code": "mg",
            },
        }
    ],
}
_CONTEXT = SearchContext(r4(), "http://here.example/fhir", 1_760_000_000_000_000)
_TYPES = ("Patient", "Observation", "Encounter", "ValueSet")


def _fhirpath(raw: bytes) -> None:
    source = raw.decode("utf-8", "replace")
    focus = root_node(PATIENT)
    try:
        expression = compile_expression(source, located=True)
        context = Context(focus, variables={"given": "text"})
        context.allow(20_000)
        found = list(evaluate_each(expression, find_places(None, [focus], context), context))
        parts = [part_of(item) for each in found for item in each.items]
        write_json([parts, lab_tree(expression.parsed)])
    except FhirPathError as error:
        _check_place(error, source)


def _check_place(error: FhirPathError, source: str) -> None:
    assert error.message
    assert error.position is None or 0 <= error.position <= len(source)


def _json(raw: bytes) -> None:
    try:
        value = parse_json(raw)
    except FhirError:
        return
    assert parse_json(write_json(value)) == value


def _xml(raw: bytes) -> None:
    try:
        resource = parse_xml(raw, r4())
    except FhirError:
        return
    assert parse_xml(write_xml(resource, r4()), r4()) == resource


def _patch(media_type: str) -> Target:
    def run(raw: bytes) -> None:
        patch_format = PATCH_FORMATS[media_type]
        before = write_json(PATIENT)
        try:
            patched = patch_format.apply(r4(), PATIENT, patch_format.parse(r4(), raw))
        except FhirError:
            return
        finally:
            assert write_json(PATIENT) == before
        if isinstance(patched, dict):
            validate(patched)

    return run


def _planned(pairs: list[tuple[str, str]], type_: str) -> None:
    try:
        query = parse(pairs, (type_,), _CONTEXT)
    except FhirError:
        return
    plan = make_plan(query, _CONTEXT, lambda _: EVERYTHING)
    for phase in plan.phases:
        page_query(phase, None, 10)


def _search(raw: bytes) -> None:
    try:
        pairs = parse_query(raw[1:].decode("latin-1"))
    except FhirError:
        return
    _planned(pairs, _TYPES[raw[0] % len(_TYPES)] if raw else "Patient")


def _filter(raw: bytes) -> None:
    _planned([("_filter", raw.decode("utf-8", "replace"))], "Patient")


TARGETS: Mapping[str, Target] = {
    "fhirpath": _fhirpath,
    "json": _json,
    "xml": _xml,
    "json-patch": _patch(JSON_PATCH),
    "merge-patch": _patch(MERGE_PATCH),
    "xml-patch": _patch(XML_PATCH),
    "fhirpath-patch": _patch(FHIRPATH_PATCH),
    "search": _search,
    "filter": _filter,
}
