"""Asserts: a table of kinds, one file each.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.assert

A kind gets the assert with its variables filled in and what the script has seen, and gives what is
wrong: expected, found, where; "" where it holds. It raises `ActionProblem` where it cannot tell.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fhirserver_conformance.engine.asserts.compare_to_source import judge_compare_to_source
from fhirserver_conformance.engine.asserts.content_type import judge_content_type
from fhirserver_conformance.engine.asserts.expression import judge_expression
from fhirserver_conformance.engine.asserts.header_field import judge_header_field
from fhirserver_conformance.engine.asserts.minimum import judge_minimum
from fhirserver_conformance.engine.asserts.navigation_links import judge_navigation_links
from fhirserver_conformance.engine.asserts.path import judge_path
from fhirserver_conformance.engine.asserts.profile import judge_profile
from fhirserver_conformance.engine.asserts.request_line import (
    judge_request_method,
    judge_request_url,
)
from fhirserver_conformance.engine.asserts.resource import judge_resource
from fhirserver_conformance.engine.asserts.response import judge_response, judge_response_code
from fhirserver_conformance.engine.asserts.response_body import judge_response_body
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.paths.values import PathError
from fhirserver_conformance.script.model import Assert

Judge = Callable[[Assert, State], str]

JUDGES: dict[str, Judge] = {
    "compare_to_source_id": judge_compare_to_source,
    "content_type": judge_content_type,
    "expression": judge_expression,
    "header_field": judge_header_field,
    "minimum_id": judge_minimum,
    "navigation_links": judge_navigation_links,
    "path": judge_path,
    "request_method": judge_request_method,
    "request_url": judge_request_url,
    "resource": judge_resource,
    "response": judge_response,
    "response_body": judge_response_body,
    "response_code": judge_response_code,
    "validate_profile_id": judge_profile,
}
"""By the attribute of `Assert` that names what is looked at."""

_WITH_VARIABLES = (
    "compare_to_source_expression", "compare_to_source_path", "content_type", "expression",
    "header_field", "path", "request_method", "request_url", "resource", "response_body",
    "response_code", "value",
)  # fmt: skip
_PART_OF_COMPARISON = frozenset({"expression", "path"})


def judge(assertion: Assert, state: State) -> str:
    """Judge an assert.

    Args:
        assertion: as the script has it.
        state: what the script has seen.

    Returns:
        What is not as expected; "" where the assert holds. All of its criteria must.

    Raises:
        ActionProblem: it cannot be judged: nothing to look at, an expression that fails, a
            variable without a value.
    """
    kinds = _kinds(assertion)
    if not kinds:
        raise ActionProblem("the assert names nothing to look at; give it one criterion")
    filled = _filled(assertion, state)
    try:
        messages = [JUDGES[name](filled, state) for name in kinds]
    except PathError as error:
        raise ActionProblem(str(error)) from None
    return "; ".join(message for message in messages if message)


def _kinds(assertion: Assert) -> list[str]:
    """Give what is looked at; a comparison with another source counts where there is no value."""
    kinds = [name for name in JUDGES if getattr(assertion, name)]
    if "compare_to_source_id" not in kinds:
        return kinds
    if assertion.value is not None:
        return [name for name in kinds if name != "compare_to_source_id"]
    return [name for name in kinds if name not in _PART_OF_COMPARISON]


def _filled(assertion: Assert, state: State) -> Assert:
    texts = {name: getattr(assertion, name) for name in _WITH_VARIABLES}
    changed: dict[str, Any] = {
        name: state.variables.fill(text) for name, text in texts.items() if text and "${" in text
    }
    return replace(assertion, **changed) if changed else assertion
