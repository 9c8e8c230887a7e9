"""Where the values of search parameters stand, written out by hand.

A line names the kind of parameter and the elements it looks at, each as `path:datatype`. A path
takes JSON names and `[name=value]` for a condition; a code's implicit system follows after a bar.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

Json = Any


class Typed(NamedTuple):
    """A value and its datatype; `system` is what a code implies."""

    value: Json
    datatype: str
    system: str | None = None


EVERY_TYPE = {
    "_id": "token id:id",
    "_tag": "token meta.tag:Coding",
    "_security": "token meta.security:Coding",
    "_profile": "uri meta.profile:canonical",
    "_source": "uri meta.source:uri",
    "_lastUpdated": "date meta.lastUpdated:instant",
}

PARAMETERS: dict[str, dict[str, str]] = {
    "Patient": {
        "active": "token active:boolean",
        "address": "string address:Address",
        "address-city": "string address.city:string",
        "address-country": "string address.country:string",
        "birthdate": "date birthDate:date",
        "death-date": "date deceasedDateTime:dateTime",
        "email": "token telecom[system=email]:ContactPoint",
        "family": "string name.family:string",
        "gender": "token gender:code|http://hl7.org/fhir/administrative-gender",
        "general-practitioner": "reference generalPractitioner:Reference",
        "given": "string name.given:string",
        "identifier": "token identifier:Identifier",
        "language": "token communication.language:CodeableConcept",
        "link": "reference link.other:Reference",
        "name": "string name:HumanName",
        "organization": "reference managingOrganization:Reference",
        "phone": "token telecom[system=phone]:ContactPoint",
        "telecom": "token telecom:ContactPoint",
    },
    "Observation": {
        "category": "token category:CodeableConcept",
        "code": "token code:CodeableConcept",
        "combo-code": "token code:CodeableConcept component.code:CodeableConcept",
        "combo-value-quantity": (
            "quantity valueQuantity:Quantity component.valueQuantity:Quantity"
        ),
        "component-code": "token component.code:CodeableConcept",
        "component-value-quantity": "quantity component.valueQuantity:Quantity",
        "date": (
            "date effectiveDateTime:dateTime effectivePeriod:Period effectiveInstant:instant"
            " effectiveTiming:Timing"
        ),
        "encounter": "reference encounter:Reference",
        "focus": "reference focus:Reference",
        "has-member": "reference hasMember:Reference",
        "performer": "reference performer:Reference",
        "status": "token status:code|http://hl7.org/fhir/observation-status",
        "subject": "reference subject:Reference",
        "value-concept": "token valueCodeableConcept:CodeableConcept",
        "value-date": "date valueDateTime:dateTime valuePeriod:Period",
        "value-quantity": "quantity valueQuantity:Quantity",
        "value-string": "string valueString:string valueCodeableConcept.text:string",
    },
    "Encounter": {
        "class": "token class:Coding",
        "date": "date period:Period",
        "diagnosis": "reference diagnosis.condition:Reference",
        "identifier": "token identifier:Identifier",
        "length": "quantity length:Duration",
        "part-of": "reference partOf:Reference",
        "participant": "reference participant.individual:Reference",
        "status": "token status:code|http://hl7.org/fhir/encounter-status",
        "subject": "reference subject:Reference",
        "type": "token type:CodeableConcept",
    },
    "Condition": {
        "clinical-status": "token clinicalStatus:CodeableConcept",
        "code": "token code:CodeableConcept",
        "encounter": "reference encounter:Reference",
        "onset-age": "quantity onsetAge:Age onsetRange:Range",
        "onset-date": "date onsetDateTime:dateTime onsetPeriod:Period",
        "onset-info": "string onsetString:string",
        "recorded-date": "date recordedDate:dateTime",
        "subject": "reference subject:Reference",
    },
    "RiskAssessment": {
        "condition": "reference condition:Reference",
        "date": "date occurrenceDateTime:dateTime",
        "probability": (
            "number prediction.probabilityDecimal:decimal prediction.probabilityRange:Range"
        ),
        "subject": "reference subject:Reference",
    },
    "ChargeItem": {
        "factor-override": "number factorOverride:decimal",
        "occurrence": (
            "date occurrenceDateTime:dateTime occurrencePeriod:Period occurrenceTiming:Timing"
        ),
        "price-override": "quantity priceOverride:Money",
        "quantity": "quantity quantity:Quantity",
    },
    "ValueSet": {
        "date": "date date:dateTime",
        "description": "string description:markdown",
        "reference": "uri compose.include.system:uri",
        "status": "token status:code|http://hl7.org/fhir/publication-status",
        "title": "string title:string",
        "url": "uri url:uri",
    },
    "QuestionnaireResponse": {
        "authored": "date authored:dateTime",
        "questionnaire": "reference questionnaire:canonical",
        "subject": "reference subject:Reference",
    },
    "Location": {
        "address-city": "string address.city:string",
        "name": "string name:string alias:string",
        "near": "special position:position",
        "status": "token status:code|http://hl7.org/fhir/location-status",
        "type": "token type:CodeableConcept",
    },
}

_CODE = "token code:CodeableConcept"
_COMPONENTS = ["component"]
_EITHER = ["", "component"]
_QUANTITY = "quantity valueQuantity:Quantity"
_CONCEPT = "token valueCodeableConcept:CodeableConcept"
COMPOSITES: dict[str, dict[str, tuple[list[str], list[str]]]] = {
    "Observation": {
        "code-value-concept": ([""], [_CODE, _CONCEPT]),
        "code-value-date": ([""], [_CODE, "date valueDateTime:dateTime valuePeriod:Period"]),
        "code-value-quantity": ([""], [_CODE, _QUANTITY]),
        "code-value-string": ([""], [_CODE, "string valueString:string"]),
        "combo-code-value-concept": (_EITHER, [_CODE, _CONCEPT]),
        "combo-code-value-quantity": (_EITHER, [_CODE, _QUANTITY]),
        "component-code-value-concept": (_COMPONENTS, [_CODE, _CONCEPT]),
        "component-code-value-quantity": (_COMPONENTS, [_CODE, _QUANTITY]),
    },
    "ValueSet": {
        "context-type-quantity": (
            ["useContext"],
            ["token code:Coding", "quantity valueQuantity:Quantity valueRange:Range"],
        ),
        "context-type-value": (["useContext"], ["token code:Coding", _CONCEPT]),
    },
}
"""By type and code: the elements that a composite looks at ("" is the resource), and in each of
them the lines of its parts."""

PATIENTS_ONLY = {
    "Observation": {"patient": "subject"},
    "Encounter": {"patient": "subject"},
    "Condition": {"patient": "subject"},
    "RiskAssessment": {"patient": "subject"},
    "QuestionnaireResponse": {"patient": "subject"},
}
"""Parameters that are another one, for references to patients alone."""


def kind_of(type_name: str, code: str) -> str:
    """Tell whether a parameter is a token, a string, ..."""
    if code in COMPOSITES.get(type_name, {}):
        return "composite"
    return _line(type_name, code).split()[0]


def codes_of(type_name: str) -> list[str]:
    """Name the parameters of a type."""
    return [
        *EVERY_TYPE,
        *PARAMETERS[type_name],
        *COMPOSITES.get(type_name, {}),
        *PATIENTS_ONLY.get(type_name, {}),
    ]


def values_of(resource: Json, type_name: str, code: str) -> list[Typed]:
    """Collect the values that a parameter looks at; of a composite, see `parts_of`."""
    if kind_of(type_name, code) == "composite":
        return [Typed(parts, "parts") for parts in parts_of(resource, type_name, code)]
    found = _values(resource, _line(type_name, code))
    if code in PATIENTS_ONLY.get(type_name, {}):
        return [each for each in found if _is_patient(each.value)]
    return found


def parts_of(resource: Json, type_name: str, code: str) -> list[list[tuple[str, list[Typed]]]]:
    """Collect, for each element that has all parts of a composite, kind and values of each."""
    elements, lines = COMPOSITES[type_name][code]
    found = []
    for element in elements:
        for item in _at(resource, element.split(".") if element else []):
            parts = [(line.split()[0], _values(item, line)) for line in lines]
            if all(values for _, values in parts):
                found.append(parts)
    return found


def _values(resource: Json, line: str) -> list[Typed]:
    found = []
    for place in line.split()[1:]:
        path, _, datatype = place.partition(":")
        datatype, _, system = datatype.partition("|")
        steps = path.split(".")
        found += [Typed(value, datatype, system or None) for value in _at(resource, steps)]
    return found


def _line(type_name: str, code: str) -> str:
    code = PATIENTS_ONLY.get(type_name, {}).get(code, code)
    return EVERY_TYPE.get(code) or PARAMETERS[type_name][code]


def _at(value: Json, steps: list[str]) -> Iterator[Json]:
    if not steps:
        yield value
        return
    name, _, condition = steps[0].rstrip("]").partition("[")
    items = value.get(name)
    for item in items if isinstance(items, list) else [items]:
        if item is not None and _holds(item, condition):
            yield from _at(item, steps[1:])


def _holds(item: Json, condition: str) -> bool:
    name, _, expected = condition.partition("=")
    return not condition or item.get(name) == expected


def _is_patient(reference: Json) -> bool:
    parts = reference.get("reference", "").split("/")
    return "Patient" in parts or reference.get("type") == "Patient"
