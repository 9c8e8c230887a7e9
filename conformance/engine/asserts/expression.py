"""`expression`: FHIRPath on a body.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.expression

Without operator and value the expression is a condition.
"""

from fhirserver_conformance.engine.asserts.operators import compare
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.paths.fhirpath import evaluate
from fhirserver_conformance.paths.values import shown
from fhirserver_conformance.script.model import Assert


def judge_expression(assertion: Assert, state: State) -> str:
    """Judge what an expression gives."""
    message = state.message(assertion.source_id, assertion.direction)
    expression = assertion.expression or ""
    found = evaluate(state.settings.fhirpath, expression, message.document)
    operator = assertion.operator or ("eval" if assertion.value is None else "equals")
    what = f"{shown(expression)} on {message.document.label}"
    return compare(operator, found, assertion.value, what)
