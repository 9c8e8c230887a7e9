"""`contentType`: the Content-Type header.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.contentType

The short codes json, xml and ttl stand for every MIME type of that format; a MIME type for itself,
whatever parameters follow.
"""

from fhirserver_conformance.engine.asserts.operators import compare
from fhirserver_conformance.engine.media import same_type
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.paths.values import shown
from fhirserver_conformance.script.model import Assert


def judge_content_type(assertion: Assert, state: State) -> str:
    """Judge the Content-Type."""
    message = state.message(assertion.source_id, assertion.direction)
    expected = assertion.content_type or ""
    found = message.header("Content-Type")
    what = f"the Content-Type of {message.label}"
    operator = assertion.operator or "equals"
    if operator not in ("equals", "notEquals"):
        return compare(operator, [] if found is None else [found], expected, what)
    same = found is not None and same_type(expected, found)
    if same is (operator == "equals"):
        return ""
    word = "" if operator == "equals" else "anything but "
    return f"{what}: expected {word}{shown(expected)}, found {shown(found) if found else 'none'}"
