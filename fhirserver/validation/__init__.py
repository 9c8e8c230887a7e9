"""Validation against base R4: structure, values, bindings, references, narrative, invariants.

Spec: https://hl7.org/fhir/R4/validation.html

`validate` gives every issue of a resource, sorted by place. The checks are closures compiled from
the element tables when a type is first met; they keep nothing about what they have seen.
"""

from collections.abc import Mapping
from functools import cache

from fhirserver.definitions import Definitions, r4
from fhirserver.errors import Issue
from fhirserver.model.json import JsonObject
from fhirserver.validation.findings import Findings, Place
from fhirserver.validation.nodes import NodeChecks

__all__ = ["validate"]


def validate(
    resource: JsonObject,
    *,
    definitions: Definitions | None = None,
    entry_types: Mapping[str, str] | None = None,
) -> list[Issue]:
    """Check a resource and everything in it. Pure.

    Args:
        resource: a JSON object as `parse_json` gives it; numbers with a fraction are Decimals.
        definitions: FHIR R4 unless given.
        entry_types: of a transaction that the resource is an entry of: type by fullUrl. It
            resolves conditional references; elsewhere they are refused.

    Returns:
        All issues, errors and warnings, sorted by place; empty when nothing is wrong. Issue codes
        are R4's: structure, required, value, code-invalid, invariant, duplicate, too-long.
        `expression` is FHIRPath, e.g. "Patient.name[0].given[1]"; `diagnostics` begins with the
        key of the invariant where there is one.
    """
    findings = Findings(resource, entry_types)
    name = resource.get("resourceType")
    place: Place = (None, name if isinstance(name, str) else "Resource")
    specification = r4() if definitions is None else definitions.specification
    _checks(specification).check_type(resource, place, findings)
    return findings.issues()


@cache
def _checks(definitions: Definitions) -> NodeChecks:
    return NodeChecks(definitions)
