"""autocreate and autodelete: what is made before setup, and what is gone after teardown.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.fixture.autocreate

A fixture with an id is created with it, so that the script's other references to it hold; where the
server refuses that, and for one without an id, the server gives the id. Each is made on every
server of the run, in the script's order; deleted in the opposite order, and again where another
resource still referred to it. A fixture that operations sent several times is deleted from each
place; of a Bundle, what its entries created.
"""

from dataclasses import replace
from threading import Event

from fhirserver_conformance.engine.actions import run_action
from fhirserver_conformance.engine.places import Place, place_or_none
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.results import ActionResult
from fhirserver_conformance.script.model import Fixture, Operation

_SUCCESS = range(200, 300)
_GONE = (404, 410)
_REFUSES_ID = (400, 404, 405, 422)
_NEVER = Event()
"""Creating and deleting wait for nothing that could be cut short."""


def create_all(state: State) -> list[ActionResult]:
    """Create every fixture that asks for it, up to the first that fails."""
    results: list[ActionResult] = []
    for fixture in state.script.fixtures:
        for destination in _destinations(state) if fixture.autocreate else ():
            results.append(_create(fixture, destination, state))
            if results[-1].stops:
                return results
    return results


def delete_all(state: State) -> list[ActionResult]:
    """Delete every fixture that asks for it from where the script put it.

    Returns:
        One result per resource; an error names what is, or may be, left behind.
    """
    wanted = {fixture.id for fixture in state.script.fixtures if fixture.autodelete}
    results = [_unsure(id) for _, id in sorted(state.unsure) if id in wanted]
    places = [(at, Place(it.type, it.id)) for at, id, it in state.made if id in wanted]
    left = list(dict.fromkeys(reversed(places)))
    while left:
        tried = [(item, _delete(*item, state)) for item in left]
        kept = [item for item, result in tried if result.stops]
        again = 0 < len(kept) < len(left)
        results += [result for _, result in tried if not (again and result.stops)]
        left = kept if again else []
    return results


def _destinations(state: State) -> range:
    return range(1, len(state.settings.targets) + 1)


def _create(fixture: Fixture, destination: int, state: State) -> ActionResult:
    operation = Operation(
        code="create",
        source_id=fixture.id,
        destination=destination,
        label="autocreate",
        description=f"create fixture '{fixture.id}'",
    )
    if _has_id(fixture, state):
        result = run_action(replace(operation, code="updateCreate"), state, _NEVER)
        if _status(result) not in _REFUSES_ID:
            return _checked(result, f"fixture '{fixture.id}' was not created")
    result = run_action(operation, state, _NEVER)
    return _checked(result, f"fixture '{fixture.id}' was not created")


def _has_id(fixture: Fixture, state: State) -> bool:
    try:
        return place_or_none(state.message(fixture.id)) is not None
    except ActionProblem:
        return False


def _delete(destination: int, place: Place, state: State) -> ActionResult:
    name = f"{place.type}/{place.id}"
    operation = Operation(
        code="delete",
        url=name,
        destination=destination,
        label="autodelete",
        description=f"delete {name}",
    )
    result = run_action(operation, state, _NEVER)
    if _status(result) in _GONE:
        return result
    base = state.settings.targets[destination - 1].base
    return _checked(result, f"{name} may be left behind on {base}; delete it by hand")


def _checked(result: ActionResult, wrong: str) -> ActionResult:
    """Make an error of what was not done."""
    status = _status(result)
    if result.verdict == "pass" and status in _SUCCESS:
        return result
    reason = result.message or f"the status is {status}"
    return replace(result, verdict="error", message=f"{wrong}: {reason}", stops=True)


def _status(result: ActionResult) -> int | None:
    return None if result.exchange is None else result.exchange.status


def _unsure(id: str) -> ActionResult:
    return ActionResult(
        kind="operation",
        verdict="error",
        label="autodelete",
        description=f"delete fixture '{id}'",
        message=f"no answer said whether fixture '{id}' was created; look for it on the server",
        stops=True,
    )
