"""Whether a resource can be looked at: the shape of R4, without the rest of validation.

Spec: https://hl7.org/fhir/R4/json.html

No unknown elements, no wrong kinds of values. What is missing, codes and invariants do not matter.
"""

from fhirserver.errors import Issue
from fhirserver.model.json import JsonObject
from fhirserver.validation import validate
from fhirserver.validation.findings import MAX_ISSUES

_SHAPE = frozenset({"structure", "value", "too-long"})


def shape_faults(resource: JsonObject) -> list[Issue]:
    """List the errors in a resource's shape, sorted by place; empty when nothing is wrong.

    Where there are more issues than are counted, shape may be among the rest: then all are given.
    """
    issues = validate(resource)
    if len(issues) > MAX_ISSUES:
        return issues
    return [each for each in issues if each.code in _SHAPE and each.severity == "error"]
