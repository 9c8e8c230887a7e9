"""What base validation must not refuse: edges of the rules, and other people's resources."""

import bz2
import gzip
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from fhirserver.model.json import parse_json
from fhirserver.validation import validate
from tests.validation.builders import LOINC, narrative, observation, patient

KNOWN_FAULTS = {
    # Narratives of blanks only.
    "ActivityDefinition/blood-tubes-supply": {("invariant", "ActivityDefinition.text.div")},
    "ActivityDefinition/heart-valve-replacement": {("invariant", "ActivityDefinition.text.div")},
    "EventDefinition/example": {("invariant", "EventDefinition.text.div")},
    "Questionnaire/zika-virus-exposure-assessment": {("invariant", "Questionnaire.text.div")},
    # A Procedure as reason; R4 allows five other types.
    "DeviceUseStatement/example": {
        ("structure", "DeviceUseStatement.reasonReference[0].reference")
    },
    # A Practitioner as performer; R4 allows an Organization.
    "MedicationRequest/medrx0301": {
        ("structure", "MedicationRequest.dispenseRequest.performer.reference")
    },
    # name and status are required.
    "ImplementationGuide/fhir": {
        ("required", "ImplementationGuide.name"),
        ("required", "ImplementationGuide.status"),
        # An id of 67 characters.
        ("value", "ImplementationGuide.manifest.resource[11904].reference.reference"),
    },
}
"""HL7's own examples that break R4, by what they break."""


def row(id: str, resource: dict[str, Any]) -> Any:
    return pytest.param(resource, id=id)


@pytest.mark.parametrize(
    "resource",
    [
        row("resource.html/nothing-but-a-type", patient()),
        row("json.html#primitive/sibling-only", patient(_birthDate={"extension": [
            {"url": "http://a", "valueCode": "unknown"}]})),
        row("json.html#primitive/sibling-id", patient(birthDate="2024", _birthDate={"id": "a"})),
        row("json.html#primitive/aligned", patient(name=[{"given": ["A", None], "_given": [
            None, {"extension": [{"url": "http://a", "valueCode": "unknown"}]}]}])),
        row("json.html#primitive/resource-id", patient(id="a", _id={"extension": [
            {"url": "http://a", "valueCode": "masked"}]})),
        row("conformance-rules.html#cardinality/required-by-extension", {
            "resourceType": "Observation", "code": LOINC, "_status": {"extension": [
                {"url": "http://a", "valueCode": "unknown"}]}}),
        row("datatypes.html#boolean/false", patient(active=False)),
        row("datatypes.html#decimal/integer", observation(valueQuantity={"value": 5})),
        row("datatypes.html#decimal/digits",
            observation(valueQuantity={"value": Decimal("-0.000000000000000000000000000010")})),
        row("datatypes.html#decimal/limits", observation(valueRange={
            "low": {"value": Decimal("-9E+100")}, "high": {"value": Decimal("9E+100")}})),
        row("datatypes.html#string/lines", patient(name=[{"text": " A\tB\r\nC\u00a0\u2003é漢😀"}])),
        row("datatypes.html#string/longest", patient(name=[{"text": "a" * 1_048_576}])),
        row("datatypes.html#code/single-blanks", observation(valueCodeableConcept={"coding": [
            {"code": "a b"}]})),
        row("datatypes.html#uri/any", patient(implicitRules="urn:x:ü|%20")),
        row("datatypes.html#date/leap-day", patient(birthDate="2024-02-29")),
        row("datatypes.html#date/year", patient(birthDate="0001")),
        row("datatypes.html#dateTime/leap-second",
            observation(effectiveDateTime="2016-12-31T23:59:60.123456789Z")),
        row("datatypes.html#dateTime/offset",
            observation(effectiveDateTime="2016-12-31T23:59:59-14:00")),
        row("datatypes.html#base64Binary/lines", patient(photo=[
            {"contentType": "text/plain", "data": "YWJj\nZGVm ZA=="}])),
        row("datatypes.html#per-1/precision", observation(effectivePeriod={
            "start": "2010-05", "end": "2010-05-03"})),
        row("datatypes.html#per-1/same", observation(effectivePeriod={
            "start": "2010-05-03", "end": "2010-05-03"})),
        row("datatypes.html#per-1/offsets", observation(effectivePeriod={
            "start": "2024-01-01T10:30:00+01:00", "end": "2024-01-01T10:00:00Z"})),
        row("datatypes.html#per-1/open", observation(effectivePeriod={"end": "2010"})),
        row("datatypes.html#rng-2/units", observation(valueRange={
            "low": {"value": 2, "unit": "g"}, "high": {"value": 1, "unit": "kg"}})),
        row("terminologies.html#required/one-of-several", {
            "resourceType": "Condition", "subject": {"display": "a"}, "clinicalStatus": {"coding": [
                {"system": "http://a", "code": "b"}, {"code": "active", "system":
                    "http://terminology.hl7.org/CodeSystem/condition-clinical"}]}}),
        row("references.html/type-unknown", observation(subject={
            "reference": "urn:uuid:c757873d-ec9a-4326-a141-556f43239520"})),
        row("references.html/type-of-elsewhere", observation(subject={
            "reference": "https://a/Chicken/1"})),
        row("references.html/logical", observation(subject={"type": "Patient", "identifier": {
            "system": "http://a", "value": "b"}})),
        row("references.html#contained", observation(subject={"reference": "#a"}, contained=[
            patient(id="a")])),
        row("references.html#contained/refers-to-container", observation(contained=[
            patient(id="a", extension=[{"url": "http://a", "valueReference": {
                "reference": "#"}}])])),
        row("references.html#contained/by-canonical", {
            "resourceType": "QuestionnaireResponse", "status": "completed", "questionnaire": "#a",
            "contained": [{"resourceType": "Questionnaire", "id": "a", "status": "draft"}]}),
        row("references.html#contained/by-another", observation(subject={"reference": "#a"},
            contained=[patient(id="a", managingOrganization={"reference": "#b"}),
                {"resourceType": "Organization", "id": "b", "name": "B"}])),
        row("narrative.html#xhtml/formatting", narrative(
            '<h1 class="a" xml:lang="de">a</h1><table border="1"><tr><td colspan="2">b<br/></td>'
            '</tr></table><!-- c --><p style="color: red">&lt;&amp;&#160;&#x41;</p>')),
        row("narrative.html#xhtml/links", narrative(
            '<a href="https://a/b?c=d">a</a><a name="b" href="#b">b</a><a href="Patient/1">c</a>'
            '<a href="mailto:a@b.c">d</a>')),
        row("narrative.html#xhtml/inline-image",
            narrative('<p style="background: url( data:image/png;base64,YQ==)">a</p>')),
        row("narrative.html#xhtml/image-alone",
            narrative('<img src="data:image/png;base64,YQ=="/>')),
        row("bundle.html#bdl-7/versions", {
            "resourceType": "Bundle", "type": "collection", "entry": [
            {"fullUrl": "http://a/Patient/1", "resource": patient(meta={"versionId": "1"})},
            {"fullUrl": "http://a/Patient/1", "resource": patient(meta={"versionId": "2"})}]}),
        row("bundle.html#bdl-8/no-fullUrl", {"resourceType": "Bundle", "type": "batch", "entry": [
            {"resource": patient(), "request": {"method": "POST", "url": "Patient"}}]}),
        row("datatypes.html#tim-9/several", {"resourceType": "Parameters", "parameter": [{
            "name": "a", "valueTiming": {"repeat": {"offset": 30, "when": ["ACM", "PCV"]}}}]}),
        row("questionnaire.html#que-12/one", {"resourceType": "Questionnaire", "status": "draft",
            "item": [{"linkId": "1", "type": "string", "enableWhen": [
                {"question": "2", "operator": "exists", "answerBoolean": True}]},
                {"linkId": "2", "type": "string"}]}),
        row("questionnaire.html/nested", {"resourceType": "Questionnaire", "status": "draft",
            "item": [{"linkId": "1", "type": "group", "item": [
                {"linkId": "1.1", "type": "string"}]}]}),
    ],
)  # fmt: skip
def test_accepted(resource: dict[str, Any]) -> None:
    """Nothing is wrong with these."""
    assert validate(resource) == []


def test_hl7_examples(test_data: Path) -> None:
    """HL7's examples are accepted, or break R4 in the way that is listed."""
    faults = {}
    for resource in _lines(test_data / "r4-examples" / "examples.ndjson.gz"):
        found = {
            (issue.code, issue.expression[0])
            for issue in validate(resource)
            if issue.severity == "error"
        }
        if found:
            faults[f"{resource['resourceType']}/{resource['id']}"] = found
    nested = faults.pop("Questionnaire/qs1")
    assert {code for code, place in nested if place.endswith(".linkId")} == {"required"}
    assert len(nested) == 32, "items below the first level have no linkId"
    assert faults == KNOWN_FAULTS


def test_synthetic_patients(test_data: Path) -> None:
    """Generated patients with claims, documents and provenance have nothing wrong at all."""
    paths = sorted((test_data / "synthea-us-core").glob("*.bz2"))
    assert len(paths) > 30
    for path in paths:
        assert validate(parse_json(bz2.decompress(path.read_bytes()))) == [], path.name


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with gzip.open(path) as lines:
        for line in lines:
            yield parse_json(line)
