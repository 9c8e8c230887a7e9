"""`responseBody`: text in a body, as a public suite writes it. It is no element of R4."""

from fhirserver_conformance.engine.asserts.operators import compare
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.script.model import Assert


def judge_response_body(assertion: Assert, state: State) -> str:
    """Judge a body as text; without an operator it must contain the text."""
    message = state.message(assertion.source_id, assertion.direction)
    text = message.document.body.decode("utf-8", errors="replace")
    operator = assertion.operator or "contains"
    return compare(operator, [text], assertion.response_body, message.document.label)
