"""FHIRPath for asserts and variables, by either of two engines.

Spec: http://hl7.org/fhirpath/N1/index.html and https://hl7.org/fhir/R4/fhirpath.html

    own          this project's
    fhirpathpy   the package of that name, so that a bug of ours cannot hide in both the server and
                 the tool that judges it

Both get JSON; what comes back are plain values, see `values`. Both are bounded: an expression, or a
body, that asks for too much is an error that names the limit.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from fhirserver.fhirpath import (
    Context,
    ElementNode,
    FhirPathError,
    compile_expression,
    root_node,
)
from fhirserver_conformance.paths.document import Document
from fhirserver_conformance.paths.fhirpathpy import evaluate_fhirpathpy
from fhirserver_conformance.paths.values import PathError, Value, plain, shown

FhirPathName = Literal["own", "fhirpathpy"]

_UNCHECKED = (AttributeError, KeyError, TypeError, ValueError)
"""What comes of a resource whose types were never checked, such as a number as resourceType."""


def evaluate(engine: FhirPathName, expression: str, document: Document) -> list[Value]:
    """Evaluate an expression on a body.

    Args:
        engine: which one.
        expression: FHIRPath; names begin at the resource, e.g. "Patient.name" or "name".
        document: JSON or XML of R4.

    Returns:
        What was found, in order.

    Raises:
        PathError: the body is no resource; the expression does not parse, or does not fit; the
            engine is not installed.
    """
    return _ENGINES[engine](expression, document.resource)


def holds(values: Sequence[Value]) -> bool:
    """Tell whether the result of a condition is true.

    Spec: http://hl7.org/fhirpath/N1/index.html#singleton-evaluation-of-collections. Several items
    count as true where none is false, as scripts write `entry.where(…)` for "there are some".
    """
    return bool(values) and not any(value is False for value in values)


def _evaluate_own(expression: str, resource: dict[str, Any]) -> list[Value]:
    node = root_node(resource)
    try:
        found = compile_expression(expression).evaluate(node, Context(node))
    except FhirPathError as error:
        raise PathError(f"FHIRPath {shown(expression)}: {error}") from None
    except _UNCHECKED as error:
        raise PathError(
            f"FHIRPath {shown(expression)}: the body's structure is not that of a resource: {error}"
        ) from None
    return [_of_item(item) for item in found]


def _of_item(item: Any) -> Value:
    if isinstance(item, ElementNode):
        return item.sibling if item.value is None else item.value
    return plain(item)


_ENGINES: Mapping[FhirPathName, Callable[[str, dict[str, Any]], list[Value]]] = {
    "own": _evaluate_own,
    "fhirpathpy": evaluate_fhirpathpy,
}
