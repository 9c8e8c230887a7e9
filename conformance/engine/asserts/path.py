"""`path`: XPath or JSONPath on a body.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.path

Without operator and value something must be there.
"""

from fhirserver_conformance.engine.asserts.operators import compare
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.paths.path import evaluate_path
from fhirserver_conformance.paths.values import shown
from fhirserver_conformance.script.model import Assert


def judge_path(assertion: Assert, state: State) -> str:
    """Judge what a path finds."""
    message = state.message(assertion.source_id, assertion.direction)
    path = assertion.path or ""
    found = evaluate_path(path, message.document)
    operator = assertion.operator or ("notEmpty" if assertion.value is None else "equals")
    what = f"{shown(path)} on {message.document.label}"
    return compare(operator, found, assertion.value, what)
