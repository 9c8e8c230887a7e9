"""`response` and `responseCode`: the HTTP status.

Spec: https://hl7.org/fhir/R4/valueset-assert-response-code-types.html
"""

from fhirserver_conformance.engine.asserts.operators import compare
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.script.model import Assert

STATUSES = {
    "okay": 200,
    "created": 201,
    "noContent": 204,
    "notModified": 304,
    "bad": 400,
    "forbidden": 403,
    "notFound": 404,
    "methodNotAllowed": 405,
    "conflict": 409,
    "gone": 410,
    "preconditionFailed": 412,
    "unprocessable": 422,
}


def judge_response(assertion: Assert, state: State) -> str:
    """Judge the status by its name."""
    names = [name.strip() for name in (assertion.response or "").split(",")]
    unknown = [name for name in names if name not in STATUSES]
    if unknown:
        raise ActionProblem(f"'{unknown[0]}' is no response code of R4; use responseCode")
    return _judge(",".join(str(STATUSES[name]) for name in names), assertion, state)


def judge_response_code(assertion: Assert, state: State) -> str:
    """Judge the status by its number; several are separated by commas."""
    return _judge(assertion.response_code or "", assertion, state)


def _judge(expected: str, assertion: Assert, state: State) -> str:
    message = state.message(assertion.source_id)
    if message.status is None:
        raise ActionProblem(f"{message.label} has no status; name a response as sourceId")
    operator = assertion.operator or ("in" if "," in expected else "equals")
    return compare(operator, [message.status], expected, f"the status of {message.label}")
