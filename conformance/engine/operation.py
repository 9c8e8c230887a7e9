"""One operation: its request, sent once, or until what the script waits for is there.

Spec: https://hl7.org/fhir/R4/testing.html

An answer of any status is a pass: what it should be is for asserts to say. No answer is an error,
and what cannot be sent is an error or a skip; each of them ends the test.

The tool plays every origin itself: it sends what R4 lets an engine wait for.
"""

from threading import Event

from fhirserver_conformance.engine.places import place_named, places_made
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.request import request_for
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.engine.words import words_for_operation
from fhirserver_conformance.results import ActionResult, Exchange, Verdict
from fhirserver_conformance.script.model import Operation
from fhirserver_conformance.transport import Request

_WRITES = ("POST", "PUT")
_SUCCESS = range(200, 300)


def run_operation(operation: Operation, state: State, stop: Event) -> ActionResult:
    """Send an operation's request and keep what came back.

    Args:
        operation: what to do.
        state: of its script; gets the exchange.
        stop: set when the run is to end; ends waiting.
    """
    if operation.gate is not None:
        return _result(operation, "skip", operation.gate)
    try:
        target = state.target(operation.destination)
        request = request_for(operation, state, target)
        exchange = _send(operation, request, state)
        _note_place(operation, exchange, state)
        exchange = _wait(operation, request, exchange, state, stop)
    except ActionProblem as problem:
        return _result(operation, problem.verdict, str(problem))
    if exchange.failure is not None:
        return _result(operation, "error", f"no whole answer: {exchange.failure}", exchange)
    if exchange.status == operation.wait_while_status:
        text = f"the status was still {exchange.status} after {operation.wait_attempts} requests"
        return _result(operation, "fail", text, exchange)
    return _result(operation, "pass", exchange=exchange)


def _send(operation: Operation, request: Request, state: State) -> Exchange:
    exchange = state.settings.transport.send(request)
    state.remember(operation, exchange)
    return exchange


def _note_place(operation: Operation, exchange: Exchange, state: State) -> None:
    """Remember where a fixture went, so that targetId and autodelete find it."""
    if operation.source_id is None or exchange.method not in _WRITES or "/$" in exchange.url:
        return
    at = (operation.destination or 1, operation.source_id)
    if exchange.failure is None:
        places = places_made(state.message(None)) if exchange.status in _SUCCESS else []
    else:
        place = place_named(exchange.url)
        places = [] if place is None else [place]
        state.unsure.update(() if place else (at,))
    for place in places:
        state.places[at] = place
        state.made.append((*at, place))


def _wait(
    operation: Operation, request: Request, exchange: Exchange, state: State, stop: Event
) -> Exchange:
    """Repeat the request while its status says that there is more to come; give the last."""
    for _ in range(1, operation.wait_attempts):
        waits = exchange.failure is None and exchange.status == operation.wait_while_status
        if not waits or stop.wait(operation.wait_interval_s):
            break
        exchange = _send(operation, request, state)
    return exchange


def _result(
    operation: Operation, verdict: Verdict, message: str = "", exchange: Exchange | None = None
) -> ActionResult:
    return ActionResult(
        kind="operation",
        verdict=verdict,
        label=operation.label or operation.id or "",
        description=words_for_operation(operation),
        message=message,
        exchange=exchange,
        stops=verdict != "pass",
    )
