"""HL7's validator cases (FHIR/fhir-test-cases) over $validate.

A case names a file and how many errors the reference validator finds in it. What is judged is
whether there are errors; another number of them is advice, for one fault may be said in one issue
or in several.

The reference validator knows more than base R4. A case is tried where the server claims enough:

    no errors are told                                    tried: base R4 is to find none either
    packages, profiles, other files or logical models     skipped
    all errors that are told are of a kind in `BEYOND`    skipped, with that kind's reason

Spec: https://hl7.org/fhir/R4/validation.html and
https://hl7.org/fhir/R4/resource-operation-validate.html
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from fhirserver_conformance.public.cases import (
    FHIR_JSON,
    FHIR_XML,
    DataError,
    JsonObject,
    Site,
    as_script,
    case,
    checked,
    objects,
    read_json_lines,
    resource_of,
    sent,
    skipped,
)
from fhirserver_conformance.results import ActionResult, Exchange, ScriptResult, TestResult

SUITE = "validator"
_NEEDS = {
    "packages": "needs packages",
    "supporting": "needs other files",
    "profiles": "needs profiles of its own",
    "profile": "is judged by a profile",
    "logical": "is judged by a logical model",
}
_FORMATS = {".json": FHIR_JSON, ".xml": FHIR_XML}
_TYPE = re.compile(rb'"resourceType"\s*:\s*"(\w+)"|<(?:\w+:)?([A-Z]\w+)[\s>]')

BEYOND = {
    "is about the content of code systems, which needs a terminology service": (
        "Wrong Display Name",
        "Unknown code '",
        "not valid in the system",
        "valid code from the system",
        "Invalid ECL",
        "is not allowed for property",
        "for a filter based on property",
        "references a value set, not a code system",
    ),
    "is about the definitions of extensions, which are profiles": (
        "xtension .*could not be found",
        "xtension .*not allowed to be used",
        "xtension .*must not be used",
        "xtension .*definition allows for the types",
        "Sub-extension url",
    ),
    "is about what other conformance resources say, and their expressions": (
        r"\(from http://hl7.org/fhir/StructureDefinition/bp\|",
        "VSCat'",
        "type is token, but",
        "is for type StructureDefinition",
        "Error generating Snapshot",
        "SearchParameter",
        "search expression",
        "not a valid FHIRPath",
        "No CQL Libraries",
    ),
    "is a rule of Bundles that R4 puts in words and in no invariant": (
        "in (the )?bundle",
        "isn't reachable",
        "Matching reference for reference",
        "[Tt]he fullUrl",
        "link relationship type",
        "Search results must have ids",
        "This is not an OperationOutcome",
        "stylesheet reference",
        "Duplicate id value",
    ),
    "is a policy of the reference validator, not of the standard": (
        "Example URLs are not allowed",
        "HTML tag",
        "Hyperlink scheme",
    ),
    "is a rule for values that R4 puts in words and in no invariant": (
        "must be absolute",
        "absolute reference",
        "absolute URL",
        "UUIDs must be valid",
        "Attachment Size",
    ),
}
"""Kinds of errors beyond structure, values, bindings and invariants: reason and patterns."""


def run(site: Site) -> Iterator[ScriptResult]:
    """Try every case."""
    folder = site.data / SUITE
    yield as_script(site, SUITE, "cases.jsonl", lambda: _cases(site, folder))


def beyond(told: JsonObject) -> str | None:
    """Say why a case asks more than base R4; None where it does not."""
    if (told["base_expected"] or {}).get("errors") is None:
        return "no number of errors is told"
    if told["base_expected"]["errors"] == 0:
        return None
    for key, reason in _NEEDS.items():
        if told[key]:
            return reason
    reasons = [_kind(each["text"]) for each in told["base_expected"].get("first_errors", ())]
    return reasons[0] if reasons and None not in reasons else None


def _kind(text: str) -> str | None:
    for reason, patterns in BEYOND.items():
        if any(re.search(pattern, text) for pattern in patterns):
            return reason
    return None


def _cases(site: Site, folder: Path) -> Iterator[TestResult]:
    offered = _offered(site)
    for number, told in enumerate(read_json_lines(folder / "cases.jsonl"), 1):
        name = f"{number} {told['name']}"
        path = folder / "files" / told["file"]
        content_type = _FORMATS.get(path.suffix)
        reason = beyond(told)
        if reason is None and content_type is None:
            reason = "is neither JSON nor XML"
        if reason is None:
            type_name, body = _type_and_body(path)
            if type_name not in offered:
                reason = f"the server declares no $validate for {type_name or 'it'}"
        if reason is not None:
            yield skipped(name, reason)
            continue
        answer = site.send("POST", f"{type_name}/$validate", body, content_type or FHIR_JSON)
        errors = told["base_expected"]["errors"]
        yield case(name, f"{path.name}: {errors} errors", *_judged(answer, errors))


def _judged(answer: Exchange, expected: int) -> Iterator[ActionResult]:
    """Compare an outcome; a resource that cannot be read may also be refused with 400."""
    yield sent(answer)
    issues = objects(resource_of(answer), "issue")
    if answer.status not in (200, 400, 422) or not issues:
        yield checked("answers with an outcome", f"status {answer.status}, no outcome")
        return
    wrong = [each for each in issues if each.get("severity") in ("error", "fatal")]
    said = "; ".join(str(each.get("diagnostics", "")) for each in wrong[:3])
    complaint = f"{len(wrong)} errors, not {expected}" + (f": {said}" if said else "")
    agrees = bool(wrong) == bool(expected)
    yield checked("has errors or has none", None if agrees else complaint)
    counted = len(wrong) == expected or not agrees
    yield checked("as many as told", None if counted else complaint, otherwise="warning")


def _offered(site: Site) -> set[str]:
    return {
        str(resource.get("type"))
        for rest in objects(site.capabilities, "rest")
        for resource in objects(rest, "resource")
        if any(each.get("name") == "validate" for each in objects(resource, "operation"))
    }


def _type_and_body(path: Path) -> tuple[str, bytes]:
    try:
        body = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path.name} cannot be read: {error}; fetch the suite again") from error
    try:
        return str(json.loads(body)["resourceType"]), body
    except (ValueError, KeyError, TypeError):
        found = _TYPE.search(body)
        return (found[1] or found[2]).decode() if found else "", body
