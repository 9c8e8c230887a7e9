"""Values by datatype: valid ones for elements that only have to be there.

Spec: https://hl7.org/fhir/R4/datatypes.html
"""

from typing import Any

Json = Any

UCUM = "http://unitsofmeasure.org"
EARLIER, BETWEEN, LATER = "1990-05-05", "2005-06-06", "2020-03-14"

PRIMITIVES: dict[str, Json] = {
    "base64Binary": "aGVsbG8=",
    "boolean": True,
    "canonical": "http://claims.test/canonical",
    "code": "some-code",
    "date": BETWEEN,
    "dateTime": BETWEEN,
    "decimal": 1.5,
    "id": "some-id",
    "instant": f"{BETWEEN}T10:00:00Z",
    "integer": 7,
    "markdown": "Some words",
    "oid": "urn:oid:2.16.840.1",
    "positiveInt": 3,
    "string": "Some words",
    "time": "10:00:00",
    "unsignedInt": 3,
    "uri": "http://claims.test/uri",
    "url": "http://claims.test/url",
    "uuid": "urn:uuid:00000000-0000-4000-8000-000000000001",
    "xhtml": '<div xmlns="http://www.w3.org/1999/xhtml">Some words</div>',
}
COMPLEX: dict[str, Json] = {
    "Age": {"value": 40, "unit": "a", "system": UCUM, "code": "a"},
    "Annotation": {"text": "Some words"},
    "Attachment": {"contentType": "text/plain", "url": "http://claims.test/attachment"},
    "CodeableConcept": {"text": "Some concept"},
    "Coding": {"system": "http://claims.test/some", "code": "some"},
    "ContactPoint": {"system": "url", "value": "http://claims.test/contact"},
    "Count": {"value": 3, "system": UCUM, "code": "1"},
    "Distance": {"value": 3, "unit": "m", "system": UCUM, "code": "m"},
    "Dosage": {"text": "Some words"},
    "Duration": {"value": 3, "unit": "h", "system": UCUM, "code": "h"},
    "HumanName": {"text": "Some Body"},
    "Identifier": {"system": "http://claims.test/some", "value": "some"},
    "Meta": {"versionId": "1"},
    "Money": {"value": 3, "currency": "EUR"},
    "Period": {"start": BETWEEN},
    "Quantity": {"value": 3, "unit": "mg", "system": UCUM, "code": "mg"},
    "Range": {"low": {"value": 3, "unit": "mg"}},
    "Ratio": {"numerator": {"value": 1}, "denominator": {"value": 2}},
    "Timing": {"event": [BETWEEN]},
}
