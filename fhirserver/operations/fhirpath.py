"""$fhirpath: evaluate an expression on a resource, sent along or stored here.

Spec: the server API that the FHIRPath Lab documents; HL7 defines no such operation

    POST /$fhirpath                                              Parameters, or a resource
    GET  /$fhirpath?expression=name.given&resource=Patient/1

What is stored is read as the caller, the resource as well as what resolve() leads to, and audited;
nothing is fetched from elsewhere. What goes in stands in `fhirpath_input`, what comes out in
`fhirpath_output`.
"""

from collections.abc import Callable, Iterator

from fhirserver.errors import FhirError, InvalidRequestError, TooLargeError, UnprocessableError
from fhirserver.fhirpath import (
    Context,
    Expression,
    FhirPathError,
    FhirPathLimitError,
    compile_expression,
    root_node,
)
from fhirserver.fhirpath.contexts import evaluate_each, find_places
from fhirserver.fhirpath.errors import line_and_column
from fhirserver.interactions import Result
from fhirserver.interactions.permit import permit
from fhirserver.interactions.read import read
from fhirserver.interactions.vread import vread
from fhirserver.model.json import JsonObject, parse_json, write_json
from fhirserver.model.reference import parse_reference
from fhirserver.operations.fhirpath_definition import DOCUMENT
from fhirserver.operations.fhirpath_input import Asked, read_input
from fhirserver.operations.fhirpath_output import echo, results
from fhirserver.operations.types import Call, Operation

RESOLVE_LIMIT = 100
"""Resources that resolve() may read in one call."""


def fhirpath(call: Call) -> Result:
    """Evaluate an expression.

    Raises:
        InvalidRequestError: a parameter that is wrong, or an expression that does not compile; it
            names line and column, and what was expected.
        UnprocessableError: no resource of R4, or an expression that does not fit it.
        TooLargeError: the evaluation or its result goes beyond a limit, which is named.
        NotFoundError: the resource named is not here, or not this caller's.
    """
    permit(call.services, call.auth, "fhirpath", None)
    asked = read_input(call.query.pairs, call.content)
    expression = _compiled(asked, "expression")
    within = _compiled(asked, "context") if "context" in asked.texts else None
    _fetch(call, asked)
    focus = [] if asked.resource is None else [root_node(asked.resource)]
    context = Context(*focus, variables=asked.variables, resolve=_resolver(call, asked))
    try:
        places = find_places(within, focus, context)
    except FhirPathError as error:
        raise _refusal(asked, "context", error) from None
    try:
        found = results(evaluate_each(expression, places, context))
        parameters = [echo(expression, asked.echoed), *found]
    except FhirPathError as error:
        raise _refusal(asked, "expression", error) from None
    return Result(200, body=write_json({"resourceType": "Parameters", "parameter": parameters}))


def _compiled(asked: Asked, name: str) -> Expression:
    try:
        return compile_expression(asked.texts[name], located=True)
    except FhirPathError as error:
        is_limit = isinstance(error, FhirPathLimitError)
        kind: type[FhirError] = TooLargeError if is_limit else InvalidRequestError
        raise kind(_told(asked, name, error), expression=(_place(name),)) from None


def _refusal(asked: Asked, name: str, error: FhirPathError) -> FhirError:
    is_limit = isinstance(error, FhirPathLimitError)
    kind: type[FhirError] = TooLargeError if is_limit else UnprocessableError
    return kind(_told(asked, name, error), expression=(_place(name),))


def _told(asked: Asked, name: str, error: FhirPathError) -> str:
    if error.position is None:
        return f"{name}: {error.message}."
    line, column = line_and_column(asked.texts[name], error.position)
    return f"{name}, line {line}, column {column}: {error.message}."


def _place(name: str) -> str:
    return f"Parameters.parameter.where(name = '{name}').value"


def _fetch(call: Call, asked: Asked) -> None:
    """Read the resource where it is named only."""
    named = asked.texts.get("resource")
    if named is None:
        return
    if asked.resource is not None:
        raise InvalidRequestError("Send the resource or name it, not both.")
    asked.resource = _read(call, named)
    asked.echoed = [
        {"name": "resource", "resource": asked.resource} if each["name"] == "resource" else each
        for each in asked.echoed
    ]


def _read(call: Call, reference: str) -> JsonObject:
    target = parse_reference(reference, call.services.settings.public_url)
    if target is None or not call.services.definitions.is_resource_type(target.type):
        raise InvalidRequestError(
            f"resource: {reference[:200]!r} names nothing on this server, and nothing is fetched "
            "from elsewhere; send the resource itself, or a reference such as Patient/1.",
            expression=(_place("resource"),),
        )
    if target.version is None:
        result = read(call.services, call.auth, target.type, target.id)
    else:
        result = vread(call.services, call.auth, target.type, target.id, target.version)
    assert result.body is not None
    resource: JsonObject = parse_json(result.body)
    return resource


def _resolver(call: Call, asked: Asked) -> Callable[[str], JsonObject | None]:
    """Make what resolve() asks: entries of a Bundle by fullUrl, then this server as the caller."""
    known: dict[str, JsonObject | None] = dict(_entries(asked.resource or {}))
    inside = len(known)

    def resolve(reference: str) -> JsonObject | None:
        if reference not in known:
            if len(known) - inside >= RESOLVE_LIMIT:
                raise FhirPathLimitError(f"resolve() reads no more than {RESOLVE_LIMIT} resources")
            try:
                known[reference] = _read(call, reference)
            except FhirError as error:
                if error.status >= 500:
                    raise
                known[reference] = None
        return known[reference]

    return resolve


def _entries(resource: JsonObject) -> Iterator[tuple[str, JsonObject]]:
    if resource.get("resourceType") != "Bundle":
        return
    for entry in resource.get("entry", ()):
        if "resource" in entry and "fullUrl" in entry:
            yield entry["fullUrl"], entry["resource"]


OPERATION = Operation(
    code="fhirpath",
    definition="OperationDefinition/fhirpath",
    levels=frozenset(("system",)),
    types=None,
    affects_state=False,
    run=fhirpath,
    document=DOCUMENT,
)
