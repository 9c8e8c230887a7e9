"""The smallest valid resource of every type, made from the element definitions.

Spec: https://hl7.org/fhir/R4/elementdefinition.html#min

What is required is filled in, level by level; a required binding gives its first code. Rules that
ask for more than the cardinalities do have a line in `MORE`.
"""

from copy import deepcopy

from fhirserver.definitions import r4
from fhirserver.definitions.elements import Element, Node
from fhirserver_conformance.examples.values import COMPLEX, PRIMITIVES, Json

BARE, FIRST, SECOND = "claims-0", "claims-a", "claims-b"
"""Three minimal resources of every type. Required references point at the first; the others are for
references that a search is to find, or not to find. `own_id` gives their ids."""

_CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
_SOFTWARE = {"kind": "capability", "software": {"name": "Some software"}}

MORE: dict[str, Json] = {
    "AllergyIntolerance": {"clinicalStatus": {"coding": [{"system": _CLINICAL, "code": "active"}]}},
    "Appointment": {"status": "proposed"},
    "Appointment.participant": {"type": [{"text": "Some concept"}]},
    "AppointmentResponse": {"participantType": [{"text": "Some concept"}]},
    "CapabilityStatement": {**_SOFTWARE, "rest": [{"mode": "client"}]},
    "Composition.section": {"text": {"status": "generated", "div": PRIMITIVES["xhtml"]}},
    "ConceptMap.group.element": {"code": "some"},
    "ConceptMap.group.unmapped": {"mode": "other-map"},
    "Consent": {"policyRule": {"text": "Some concept"}},
    "ElementDefinition": {
        "id": "Some",
        "path": "Some",
        "definition": "Some words",
        "min": 0,
        "max": "*",
        "base": {"path": "Some", "min": 0, "max": "*"},
    },
    "ImmunizationRecommendation.recommendation": {"vaccineCode": [{"text": "Some concept"}]},
    "InsurancePlan": {"name": "Some words"},
    "Linkage": {
        "item": [
            {"type": "alternate", "resource": {"reference": f"Patient/{BARE}.Patient"}},
            {"type": "source", "resource": {"reference": f"Patient/{BARE}.Patient"}},
        ]
    },
    "MessageDefinition.focus": {"max": "*"},
    "MolecularSequence": {"coordinateSystem": 1},
    "Organization": {"name": "Some words"},
    "RequestGroup.action": {"resource": {"reference": f"Patient/{BARE}.Patient"}},
    "StructureDefinition": {
        "type": "Some",
        "differential": {"element": [{"id": "Some", "path": "Some"}]},
    },
    "TerminologyCapabilities": _SOFTWARE,
    "TriggerDefinition": {"type": "named-event", "name": "Some words"},
    "ValueSet.compose.include": {"system": "http://claims.test/some"},
    "ValueSet.expansion.contains": {"system": "http://claims.test/some"},
}
"""By node: elements that a rule asks for, over the required ones."""

OPEN_CODES = {
    "http://hl7.org/fhir/ValueSet/all-types": ("Patient", "Observation"),
    "http://hl7.org/fhir/ValueSet/currencies": ("EUR", "USD"),
    "http://hl7.org/fhir/ValueSet/languages": ("en", "de"),
    "http://hl7.org/fhir/ValueSet/mimetypes": ("text/plain", "text/html"),
}


def own_id(name: str, which: str) -> str:
    """Give the id of `BARE`, `FIRST` or `SECOND` of a type; whoever stores them may rename them."""
    return f"{which}.{name}"


def minimal(name: str) -> Json:
    """Make the smallest valid resource of a type, without an id."""
    return {"resourceType": name, **required(name)}


def required(path: str) -> Json:
    """Make the required content of a node, e.g. "Patient.link"."""
    node = r4().node(path)
    found: Json = {}
    for choice in node.required:
        element = node.elements[_preferred(node, choice.names)]
        found[element.name] = [some(element)] if element.is_list else some(element)
    return found | deepcopy(MORE.get(path, {}))


def some(element: Element) -> Json:
    """Make some valid value of an element."""
    if element.type == "Reference":
        name = targets(element)[0]
        return {"reference": f"{name}/{own_id(name, BARE)}"}
    if element.is_resource or element.type == "Resource":
        return {"resourceType": "Basic", **required("Basic")}
    if element.is_primitive:
        return codes(element)[0] if element.type == "code" else PRIMITIVES[element.type]
    if element.type in COMPLEX:
        made = concept(element) if element.type == "CodeableConcept" else COMPLEX[element.type]
        return deepcopy(made)
    assert element.node_path is not None
    return required(element.node_path)


def codes(element: Element) -> tuple[str, ...]:
    """List codes that an element's binding allows, in an order that stays."""
    url = element.binding_url or ""
    if element.binding_strength != "required" or url in OPEN_CODES:
        return OPEN_CODES.get(url, ("some-code", "other-code"))
    found = r4().value_set(url)
    if found is None:
        return ("some-code", "other-code")
    return tuple(code for system in sorted(found) for code in sorted(found[system]))


def concept(element: Element) -> Json:
    """Make a CodeableConcept that a required binding allows."""
    found = r4().value_set(element.binding_url or "")
    if element.binding_strength != "required" or not found:
        return COMPLEX["CodeableConcept"]
    system = sorted(found)[0]
    return {"coding": [{"system": system, "code": min(found[system])}]}


def targets(element: Element) -> tuple[str, ...]:
    """List the storable types that a reference may point at, Patient first where it is one."""
    storable = r4().resource_types
    named = [name for name in element.target_types if name in storable] or list(storable)
    return tuple(sorted(named, key=lambda name: (name != "Patient", name)))


def _preferred(node: Node, names: tuple[str, ...]) -> str:
    """Take of a choice what is easy to fill: a CodeableConcept or primitive before a Reference."""
    easy = [name for name in names if node.elements[name].type != "Reference"]
    return (easy or list(names))[0]
