"""`navigationLinks`: a Bundle that can be paged through.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.navigationLinks
"Asserts that the Bundle contains first, last, and next links."
"""

from fhirserver_conformance.engine.state import State
from fhirserver_conformance.paths.path import evaluate_path
from fhirserver_conformance.paths.values import shown_all
from fhirserver_conformance.script.model import Assert

_RELATIONS = ("first", "last", "next")


def judge_navigation_links(assertion: Assert, state: State) -> str:
    """Judge the links of a Bundle."""
    message = state.message(assertion.source_id, assertion.direction)
    found = evaluate_path("$.link[*].relation", message.document)
    missing = [relation for relation in _RELATIONS if relation not in found]
    if not missing:
        return ""
    return (
        f"the links of {message.label}: expected {', '.join(_RELATIONS)}; "
        f"{', '.join(missing)} not among {shown_all(found)}"
    )
