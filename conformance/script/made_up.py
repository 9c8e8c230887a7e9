"""Resources made up for fixtures: valid, plausible, the same every time, and of no real person.

Required references have a display in place of a target, so that a server that checks references
takes them.
"""

from fhirserver.definitions import r4
from fhirserver.model.json import JsonObject, JsonValue, copy_json
from fhirserver_conformance.examples.minimal import minimal

_ADDRESS: JsonObject = {
    "line": ["12 Example Street"],
    "city": "Springfield",
    "postalCode": "01101",
    "country": "US",
}
_PHONE: JsonObject = {"system": "phone", "value": "+1 555 0100"}

PLAUSIBLE: dict[str, JsonObject] = {
    "Patient": {
        "identifier": [{"system": "urn:fhirserver:testscript:mrn", "value": "MADE-UP-1"}],
        "active": True,
        "name": [{"use": "official", "family": "Example", "given": ["Robin", "Lee"]}],
        "telecom": [_PHONE],
        "gender": "female",
        "birthDate": "1974-12-25",
        "address": [_ADDRESS],
    },
    "Practitioner": {
        "active": True,
        "name": [{"family": "Sample", "given": ["Alex"], "prefix": ["Dr"]}],
        "telecom": [_PHONE],
    },
    "Organization": {"active": True, "name": "Example Hospital", "address": [_ADDRESS]},
    "Observation": {
        "status": "final",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "8867-4", "display": "Heart rate"}],
            "text": "Heart rate",
        },
        "effectiveDateTime": "2020-03-14T09:30:00Z",
        "valueQuantity": {
            "value": 72,
            "unit": "beats/minute",
            "system": "http://unitsofmeasure.org",
            "code": "/min",
        },
    },
}
"""By type: what is put over the smallest valid resource."""


def made_up(name: str) -> JsonObject | None:
    """Make up a resource without an id; None for what is no type of R4."""
    if name not in r4().resource_types:
        return None
    made: JsonObject = _without_targets(minimal(name))
    made |= copy_json(PLAUSIBLE.get(name, {}))
    return made


def _without_targets(value: JsonValue) -> JsonValue:
    if isinstance(value, list):
        return [_without_targets(item) for item in value]
    if not isinstance(value, dict):
        return value
    target = value.get("reference")
    if isinstance(target, str) and "/" in target:
        return {"display": f"Some {target.split('/')[0]}"}
    return {key: _without_targets(item) for key, item in value.items()}
