"""What base validation refuses by rules: bindings, references, invariants, Bundles."""

from typing import Any

import pytest

from tests.validation.builders import LOINC, assert_refused, bundle, observation, patient, row

CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


def structure(**members: Any) -> dict[str, Any]:
    return {"resourceType": "StructureDefinition", "url": "http://a", "name": "A",
            "status": "draft", "kind": "resource", "abstract": False, "type": "Patient",
            **members}  # fmt: skip


def element(path: str) -> dict[str, Any]:
    return {"id": path, "path": path, "definition": "a", "min": 0, "max": "1",
            "base": {"path": path, "min": 0, "max": "1"}}  # fmt: skip


def guide(**resource: Any) -> dict[str, Any]:
    return {"resourceType": "ImplementationGuide", "url": "http://a", "name": "A",
            "status": "draft", "packageId": "a", "fhirVersion": ["4.0.1"], "definition": {
                "grouping": [{"id": "g", "name": "G"}],
                "resource": [{"reference": {"display": "a"}, **resource}]}}  # fmt: skip


RULES = [
    row("terminologies.html#required/code", patient(gender="mal"), "code-invalid",
        "Patient.gender", "allowed are female, male, other, unknown"),
    row("terminologies.html#required/code-in-list", {"resourceType": "HealthcareService",
        "availableTime": [{"daysOfWeek": ["mon", "tues"]}]}, "code-invalid",
        "HealthcareService.availableTime[0].daysOfWeek[1]", "not in the value set"),
    row("terminologies.html#required/large-set",
        {"resourceType": "Parameters", "parameter": [{"name": "a", "valueParameterDefinition":
            {"use": "in", "type": "Pateint"}}]}, "code-invalid",
        "Parameters.parameter[0].value.type", "did you mean 'Patient'"),
    row("terminologies.html#required/concept", {"resourceType": "Condition",
        "subject": {"display": "a"}, "clinicalStatus": {"coding": [
            {"system": CLINICAL, "code": "ill"}]}}, "code-invalid", "Condition.clinicalStatus",
        "condition-clinical|active"),
    row("terminologies.html#required/concept-text-only", {"resourceType": "Condition",
        "subject": {"display": "a"}, "clinicalStatus": {"text": "active"}}, "code-invalid",
        "Condition.clinicalStatus", "is required"),
    row("terminologies.html#required/concept-without-system", {"resourceType": "Condition",
        "subject": {"display": "a"}, "clinicalStatus": {"coding": [{"code": "active"}]}},
        "code-invalid", "Condition.clinicalStatus", "is required"),
    row("references.html/target", observation(subject={"reference": "Practitioner/1"}),
        "structure", "Observation.subject.reference", "Practitioner is not allowed"),
    row("references.html/target-absolute",
        observation(subject={"reference": "http://a/fhir/Practitioner/1/_history/2"}),
        "structure", "Observation.subject.reference", "allowed are Device, Group"),
    row("references.html/target-conditional",
        bundle("transaction", {
            "resource": observation(subject={"reference": "Practitioner?identifier=a|b"}),
            "request": {"method": "POST", "url": "Observation"}}), "structure",
        "Bundle.entry[0].resource.subject.reference", "Practitioner is not allowed"),
    *(
        row(f"references.html#literal/{name}", observation(subject={"reference": text}), "value",
            "Observation.subject.reference", says)
        for name, text, says in (
            ("type", "Foo/1", "Foo is no type of resource"),
            ("case", "patient/1", "write [type]/[id]"),
            ("empty-segment", "Patient//1", "write [type]/[id]"),
            ("slash-first", "/Patient/1", "write [type]/[id]"),
            ("blank", "Patient/1 2", "write [type]/[id]"),
            ("underscore", "Patient/a_b", "write [type]/[id]"),
            ("long-id", "Patient/" + "a" * 65, "write [type]/[id]"),
            ("words", "the patient", "write [type]/[id]"),
            ("search", "Patient?identifier=a", "in a transaction only"),
            ("search-for-nothing", "Patient?", "write [type]/[id]"),
        )
    ),
    row("references.html/target-contained", observation(subject={"reference": "#a"}, contained=[
        {"resourceType": "Practitioner", "id": "a"}]), "structure",
        "Observation.subject.reference", "Practitioner is not allowed"),
    row("references.html#type/target", observation(subject={"type": "Practitioner",
        "display": "a"}), "structure", "Observation.subject.type", "Practitioner is not allowed"),
    row("references.html#type/differs", observation(subject={"type": "Group",
        "reference": "Patient/1"}), "structure", "Observation.subject.type", "let them agree"),
    row("references.html#ref-1", observation(subject={"reference": "#a"}), "invariant",
        "Observation.subject.reference", "ref-1"),
    row("domainresource.html#dom-2", observation(hasMember=[{"reference": "#a"}], contained=[
        {**observation(), "id": "a", "contained": [patient(id="b", extension=[
            {"url": "http://a", "valueReference": {"reference": "#"}}])]}]), "invariant",
        "Observation.contained[0].contained", "dom-2"),
    row("domainresource.html#dom-3", observation(contained=[patient(id="a")]), "invariant",
        "Observation.contained[0]", "dom-3"),
    row("domainresource.html#dom-4/version", observation(subject={"reference": "#a"},
        contained=[patient(id="a", meta={"versionId": "1"})]), "invariant",
        "Observation.contained[0].meta.versionId", "dom-4"),
    row("domainresource.html#dom-4/updated", observation(subject={"reference": "#a"},
        contained=[patient(id="a", meta={"lastUpdated": "2024-01-01T00:00:00Z"})]), "invariant",
        "Observation.contained[0].meta.lastUpdated", "dom-4"),
    row("domainresource.html#dom-5", observation(subject={"reference": "#a"},
        contained=[patient(id="a", meta={"security": [{"code": "R"}]})]), "invariant",
        "Observation.contained[0].meta.security", "dom-5"),
    row("references.html#contained/no-id", observation(contained=[patient(active=True)]),
        "required", "Observation.contained[0].id", "needs an id"),
    row("references.html#contained/same-id", observation(subject={"reference": "#a"},
        contained=[patient(id="a"), patient(id="a")]), "duplicate",
        "Observation.contained[1].id", "earlier"),
    row("references.html#contained/not-a-resource", observation(contained=["a"]), "value",
        "Observation.contained[0]", "not a resource"),
    row("element.html#ele-1", patient(name=[{"id": "a"}]), "invariant", "Patient.name[0]",
        "ele-1"),
    row("extensibility.html#ext-1/neither", patient(extension=[{"url": "http://a"}]), "invariant",
        "Patient.extension[0]", "ext-1"),
    row("extensibility.html#ext-1/both", patient(extension=[{"url": "http://a", "valueCode": "b",
        "extension": [{"url": "c", "valueCode": "d"}]}]), "invariant", "Patient.extension[0]",
        "ext-1"),
    row("extensibility.html/url", patient(extension=[{"valueCode": "b"}]), "required",
        "Patient.extension[0].url", "url is missing"),
    row("extensibility.html/two-values", patient(extension=[{"url": "http://a", "valueCode": "b",
        "valueString": "c"}]), "structure", "Patient.extension[0].value", "one form"),
    row("observation.html#obs-6", observation(valueString="a", dataAbsentReason={"text": "b"}),
        "invariant", "Observation", "obs-6"),
    row("observation.html#obs-7", observation(valueString="a", component=[{"code": LOINC}]),
        "invariant", "Observation", "obs-7"),
    row("observation.html#obs-3", observation(referenceRange=[{"age": {"low": {"value": 1}}}]),
        "invariant", "Observation.referenceRange[0]", "obs-3"),
    row("datatypes.html#qty-3", observation(valueQuantity={"value": 1, "code": "kg"}), "invariant",
        "Observation.value", "qty-3"),
    row("datatypes.html#sqty-1", observation(referenceRange=[{"low": {"value": 1,
        "comparator": "<"}}]), "invariant", "Observation.referenceRange[0].low", "sqty-1"),
    row("datatypes.html#per-1", observation(effectivePeriod={"start": "2024-02", "end": "2024-01"}),
        "invariant", "Observation.effective", "per-1"),
    row("datatypes.html#per-1/offsets", observation(effectivePeriod={
        "start": "2024-01-01T10:00:00Z", "end": "2024-01-01T10:30:00+01:00"}), "invariant",
        "Observation.effective", "per-1"),
    row("datatypes.html#cpt-2", patient(telecom=[{"value": "1"}]), "invariant",
        "Patient.telecom[0]", "cpt-2"),
    row("datatypes.html#att-1", patient(photo=[{"data": "YQ=="}]), "invariant",
        "Patient.photo[0]", "att-1"),
    row("datatypes.html#rat-1", observation(valueRatio={"numerator": {"value": 1}}), "invariant",
        "Observation.value", "rat-1"),
    row("datatypes.html#rng-2", observation(valueRange={"low": {"value": 2}, "high": {"value": 1}}),
        "invariant", "Observation.value", "rng-2"),
    row("datatypes.html#tim-1", {"resourceType": "Parameters", "parameter": [{"name": "a",
        "valueTiming": {"repeat": {"duration": 1}}}]}, "invariant",
        "Parameters.parameter[0].value.repeat", "tim-1"),
    row("datatypes.html#tim-9/one-of-several", {"resourceType": "Parameters", "parameter": [{
        "name": "a", "valueTiming": {"repeat": {"offset": 30, "when": ["ACM", "C"]}}}]},
        "invariant", "Parameters.parameter[0].value.repeat", "tim-9"),
    row("datatypes.html#tim-9/no-when", {"resourceType": "Parameters", "parameter": [{
        "name": "a", "valueTiming": {"repeat": {"offset": 30}}}]}, "invariant",
        "Parameters.parameter[0].value.repeat", "tim-9"),
    row("patient.html#pat-1", patient(contact=[{"gender": "male"}]), "invariant",
        "Patient.contact[0]", "pat-1"),
    row("organization.html#org-2", {"resourceType": "Organization", "name": "A",
        "address": [{"use": "home", "city": "B"}]}, "invariant", "Organization.address[0]",
        "org-2"),
    row("organization.html#org-1", {"resourceType": "Organization", "active": True}, "invariant",
        "Organization", "org-1"),
    row("condition.html#con-5", {"resourceType": "Condition", "subject": {"display": "a"},
        "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
        "verificationStatus": {"coding": [{"code": "entered-in-error", "system":
            "http://terminology.hl7.org/CodeSystem/condition-ver-status"}]}}, "invariant",
        "Condition", "con-5"),
    row("elementdefinition.html#eld-3", {"resourceType": "StructureDefinition", "url": "http://a",
        "name": "A", "status": "draft", "kind": "resource", "abstract": True, "type": "Patient",
        "differential": {"element": [{"id": "Patient", "path": "Patient", "max": "x"}]}},
        "invariant", "StructureDefinition.differential.element[0].max", "eld-3"),
    row("questionnaire.html#que-2", {"resourceType": "Questionnaire", "status": "draft", "item": [
        {"linkId": "1", "type": "string"}, {"linkId": "1", "type": "string"}]}, "invariant",
        "Questionnaire", "que-2"),
    row("questionnaire.html#que-12/two", {"resourceType": "Questionnaire", "status": "draft",
        "item": [{"linkId": "1", "type": "string", "enableWhen": [
            {"question": "2", "operator": "exists", "answerBoolean": True},
            {"question": "3", "operator": "exists", "answerBoolean": True}]},
            {"linkId": "2", "type": "string"}, {"linkId": "3", "type": "string"}]}, "invariant",
        "Questionnaire.item[0]", "que-12"),
    row("questionnaire.html#que-13/nothing-is-not-true", {"resourceType": "Questionnaire",
        "status": "draft", "item": [{"linkId": "1", "type": "string", "initial": [
            {"valueString": "a"}, {"valueString": "b"}]}]}, "invariant", "Questionnaire.item[0]",
        "que-13"),
    row("parameters.html#inv-1", {"resourceType": "Parameters", "parameter": [{"name": "a",
        "valueString": "b", "resource": patient()}]}, "invariant", "Parameters.parameter[0]",
        "inv-1"),
]  # fmt: skip

CONFORMANCE = [
    row("structuredefinition.html#sdf-11", structure(baseDefinition="http://b",
        snapshot={"element": [element("Group")]}), "invariant",
        "StructureDefinition", "sdf-11"),
    row("structuredefinition.html#sdf-8/below", structure(baseDefinition="http://b",
        snapshot={"element": [element("Patient"), element("Patients.name")]}), "invariant",
        "StructureDefinition.snapshot.element[1].path", "'Patient.'"),
    row("structuredefinition.html#sdf-8/logical", structure(baseDefinition="http://b",
        kind="logical", snapshot={"element": [element("A"), element("B.c")]}), "invariant",
        "StructureDefinition.snapshot.element[1].path", "'A.'"),
    row("structuredefinition.html#sdf-8a/first", structure(baseDefinition="http://b",
        differential={"element": [element("Group.name")]}), "invariant",
        "StructureDefinition.differential.element[0].path", "sdf-8a"),
    row("structuredefinition.html#sdf-8a/below", structure(baseDefinition="http://b",
        differential={"element": [element("Patient.name"), element("Group.name")]}), "invariant",
        "StructureDefinition.differential.element[1].path", "'Patient.'"),
    row("implementationguide.html#ig-1", guide(groupingId="h"), "invariant",
        "ImplementationGuide.definition.resource[0].groupingId", "ig-1"),
    row("implementationguide.html#ig-2", guide(fhirVersion=["3.0.1"]), "invariant",
        "ImplementationGuide.definition.resource[0].fhirVersion", "ig-2"),
]  # fmt: skip

GET = {"method": "GET", "url": "Patient"}
BUNDLES = [
    row("bundle.html#bdl-1", bundle("collection", {"resource": patient()}, total=1), "invariant",
        "Bundle", "bdl-1"),
    row("bundle.html#bdl-2", bundle("collection", {"resource": patient(), "search":
        {"mode": "match"}}), "invariant", "Bundle", "bdl-2"),
    row("bundle.html#bdl-3/missing", bundle("batch", {"request": GET}, {"resource": patient()}),
        "invariant", "Bundle.entry[1].request", "bdl-3"),
    row("bundle.html#bdl-3/extra", bundle("collection", {"resource": patient(), "request": GET}),
        "invariant", "Bundle.entry[0].request", "bdl-3"),
    row("bundle.html#bdl-4/missing", bundle("batch-response", {"resource": patient()}),
        "invariant", "Bundle.entry[0].response", "bdl-4"),
    row("bundle.html#bdl-4/extra", bundle("searchset", {"resource": patient(),
        "response": {"status": "200"}}), "invariant", "Bundle.entry[0].response", "bdl-4"),
    row("bundle.html#bdl-5", bundle("collection", {"fullUrl": "http://a/Patient/1"}), "invariant",
        "Bundle.entry[0]", "bdl-5"),
    row("bundle.html#bdl-7", bundle("collection",
        {"fullUrl": "urn:a", "resource": patient(id="a")},
        {"fullUrl": "urn:a", "resource": patient(id="b")}), "invariant",
        "Bundle.entry[1].fullUrl", "bdl-7"),
    row("bundle.html#bdl-8", bundle("collection", {"fullUrl": "http://a/Patient/1/_history/2",
        "resource": patient()}), "invariant", "Bundle.entry[0].fullUrl", "bdl-8"),
    row("bundle.html#bdl-9", bundle("document", {"resource": {
        "resourceType": "Composition", "status": "final", "type": LOINC, "date": "2024",
        "author": [{"display": "a"}], "title": "b"}}, timestamp="2024-01-01T00:00:00Z"),
        "invariant", "Bundle", "bdl-9"),
    row("bundle.html#bdl-11", bundle("document", {"resource": patient()},
        timestamp="2024-01-01T00:00:00Z", identifier={"system": "http://a", "value": "b"}),
        "invariant", "Bundle", "bdl-11"),
    row("bundle.html/entry", bundle("collection", {"resource": patient()},
        {"resource": patient(name=[{"family": "A"}, {"given": ["B", 1]}])}), "value",
        "Bundle.entry[1].resource.name[1].given[1]", "not a string"),
    row("bundle.html/entry-type", bundle("collection", {"resource": {"resourceType": "Foo"}}),
        "structure", "Bundle.entry[0].resource", "not a resource type"),
    row("bundle.html/contained-in-entry", bundle("collection", {"resource": observation(
        subject={"reference": "#b"}, contained=[patient(id="a", extension=[
            {"url": "http://a", "valueReference": {"reference": "#"}}])])}), "invariant",
        "Bundle.entry[0].resource.subject.reference", "ref-1"),
    row("bundle.html/bundle-in-bundle", bundle("collection", {"resource": bundle("collection",
        {"resource": patient(gender="x")})}), "code-invalid",
        "Bundle.entry[0].resource.entry[0].resource.gender", "allowed are"),
]  # fmt: skip


@pytest.mark.parametrize(("resource", "code", "place", "says"), RULES + CONFORMANCE + BUNDLES)
def test_refused(resource: dict[str, Any], code: str, place: str, says: str) -> None:
    """Each breaks one rule: one error, with its issue code, its place and what to do."""
    assert_refused(resource, code, place, says)
