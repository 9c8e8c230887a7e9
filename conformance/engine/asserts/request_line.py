"""`requestMethod` and `requestURL`: what was sent.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert.requestMethod
"""

from urllib.parse import unquote

from fhirserver_conformance.engine.asserts.operators import compare
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.script.model import Assert


def judge_request_method(assertion: Assert, state: State) -> str:
    """Judge the method, in any case."""
    message = state.message(assertion.source_id, "request")
    expected = (assertion.request_method or "").upper()
    found = [message.method.upper()] if message.method else []
    return compare(assertion.operator or "equals", found, expected, "the request's method")


def judge_request_url(assertion: Assert, state: State) -> str:
    """Judge the URL: whole, or below the target's base; percent-encoded or not."""
    message = state.message(assertion.source_id, "request")
    expected = unquote(assertion.request_url or "")
    url = unquote(message.url)
    found = [url, *_below(url, state)] if url else []
    return compare(assertion.operator or "equals", found, expected, "the request's URL")


def _below(url: str, state: State) -> list[str]:
    for target in state.settings.targets:
        if url.startswith(target.base):
            path = url.removeprefix(target.base)
            return [path, path.lstrip("/")]
    return []
