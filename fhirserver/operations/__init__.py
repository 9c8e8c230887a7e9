"""Operations: one file each; this table is all there are.

Spec: https://hl7.org/fhir/R4/operations.html

To add one: write `name.py` with a function from `Call` to `Result` and an `OPERATION`, and list it
here. The CapabilityStatement shows what this table holds.
"""

from collections.abc import Mapping

from fhirserver.errors import MethodNotAllowedError, NotFoundError
from fhirserver.interactions import Level, OfferedOperation, Result
from fhirserver.operations import (
    audit_event_trail,
    explain_access,
    fhirpath,
    search_parameter_status,
    test_script_run,
    validate,
)
from fhirserver.operations.types import Call, Operation, level_of

__all__ = [
    "OFFERED",
    "OPERATIONS",
    "Call",
    "Operation",
    "affects_state",
    "allowed",
    "invoke",
    "level_of",
]

OPERATIONS: Mapping[str, Operation] = {
    operation.code: operation
    for operation in (
        validate.OPERATION,
        test_script_run.OPERATION,
        search_parameter_status.OPERATION,
        fhirpath.OPERATION,
        explain_access.OPERATION,
        audit_event_trail.OPERATION,
    )
}

OFFERED: tuple[OfferedOperation, ...] = tuple(
    OfferedOperation(
        code=operation.code,
        definition=operation.definition,
        types=operation.types,
        levels=operation.levels,
        affects_state=operation.affects_state,
        statuses=operation.statuses,
        document=operation.document,
    )
    for operation in OPERATIONS.values()
)
"""What the CapabilityStatement says of operations."""


def affects_state(code: str) -> bool:
    """Whether there is such an operation and it may change something."""
    operation = OPERATIONS.get(code)
    return operation is not None and operation.affects_state


def allowed(code: str, type_: str | None, level: Level) -> tuple[str, ...]:
    """Name the methods that an operation takes.

    Raises:
        NotFoundError: there is no such operation at this place.
    """
    return _methods(_find(code, type_, level))


def invoke(code: str, call: Call, method: str) -> Result:
    """Run an operation.

    Args:
        code: name without "$".
        call: what it is invoked with.
        method: GET or POST.

    Raises:
        NotFoundError: there is no such operation at this place.
        MethodNotAllowedError: another method, or GET of one that changes something.
        FhirError: whatever the operation raises.
    """
    operation = _find(code, call.type, call.level)
    methods = _methods(operation)
    if method not in methods:
        allow = ", ".join(methods)
        raise MethodNotAllowedError(
            f"${operation.code} takes {allow}.", headers=(("Allow", allow),)
        )
    return operation.run(call)


def _find(code: str, type_: str | None, level: Level) -> Operation:
    operation = OPERATIONS.get(code)
    if operation is None or level not in operation.levels or not _is_for(operation, type_):
        raise NotFoundError(
            f"The operation ${code[:100]} does not exist here; see the CapabilityStatement at "
            "/metadata."
        )
    return operation


def _methods(operation: Operation) -> tuple[str, ...]:
    return ("POST", "OPTIONS") if operation.affects_state else ("GET", "HEAD", "POST", "OPTIONS")


def _is_for(operation: Operation, type_: str | None) -> bool:
    return operation.types is None or type_ is None or type_ in operation.types
