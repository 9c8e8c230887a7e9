"""`headerField`: a header of the response or the request.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.headerField
"""

from fhirserver_conformance.engine.asserts.operators import compare
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.script.model import Assert


def judge_header_field(assertion: Assert, state: State) -> str:
    """Judge a header; without operator and value it must be there."""
    message = state.message(assertion.source_id, assertion.direction)
    name = assertion.header_field or ""
    value = message.header(name)
    found = [] if value is None else [value]
    operator = assertion.operator or ("notEmpty" if assertion.value is None else "equals")
    return compare(operator, found, assertion.value, f"the header {name} of {message.label}")
