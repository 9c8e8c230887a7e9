"""`resource`: the type of the body.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.resource
"""

from fhirserver_conformance.engine.asserts.operators import compare
from fhirserver_conformance.engine.places import type_or_none
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.script.model import Assert


def judge_resource(assertion: Assert, state: State) -> str:
    """Judge the resource type of a body; one that is no resource has none."""
    message = state.message(assertion.source_id, assertion.direction)
    type = type_or_none(message)
    found = [] if type is None else [type]
    what = f"the resource type of {message.label}"
    return compare(assertion.operator or "equals", found, assertion.resource, what)
