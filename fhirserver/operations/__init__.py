"""Operations: one file each; this table is all there are.

Spec: https://hl7.org/fhir/R4/operations.html

To add one: write `name.py` with a function from `Call` to `Result` and an `OPERATION`, and list it
here. The CapabilityStatement shows what this table holds.
"""

from collections.abc import Mapping

from fhirserver.errors import MethodNotAllowedError, NotFoundError
from fhirserver.interactions import OfferedOperation, Result
from fhirserver.operations import fhirpath, search_parameter_status, test_script_run, validate
from fhirserver.operations.types import Call, Operation

__all__ = ["OFFERED", "OPERATIONS", "Call", "Operation", "invoke"]

OPERATIONS: Mapping[str, Operation] = {
    operation.code: operation
    for operation in (
        validate.OPERATION,
        test_script_run.OPERATION,
        search_parameter_status.OPERATION,
        fhirpath.OPERATION,
    )
}

OFFERED: tuple[OfferedOperation, ...] = tuple(
    OfferedOperation(
        code=operation.code,
        definition=operation.definition,
        types=operation.types,
        levels=operation.levels,
        affects_state=operation.affects_state,
        document=operation.document,
    )
    for operation in OPERATIONS.values()
)
"""What the CapabilityStatement says of operations."""


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
    operation = OPERATIONS.get(code)
    here = operation is not None and call.level in operation.levels
    if operation is None or not here or not _is_for(operation, call.type):
        raise NotFoundError(
            f"The operation ${code[:100]} does not exist here; see the CapabilityStatement at "
            "/metadata."
        )
    allowed = ("POST",) if operation.affects_state else ("GET", "HEAD", "POST")
    if method not in allowed:
        raise MethodNotAllowedError(
            f"${operation.code} takes {', '.join(allowed)}.",
            headers=(("Allow", ", ".join(allowed)),),
        )
    return operation.run(call)


def _is_for(operation: Operation, type_: str | None) -> bool:
    return operation.types is None or type_ is None or type_ in operation.types
