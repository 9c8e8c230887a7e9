"""Parameters whose expression computes a value instead of naming an element.

Spec: https://hl7.org/fhir/R4/patient.html#search

In R4 that is one: `deceased` of Patient, "exists() and not false".
"""

from decimal import Decimal
from typing import Any, NamedTuple

from fhirserver.definitions import SearchParameter
from fhirserver.fhirpath import (
    ElementNode,
    Expression,
    FhirPathError,
    compile_expression,
    root_node,
)
from fhirserver.model.json import JsonObject
from fhirserver.search.extract.emitters import emitter
from fhirserver.search.extract.rows import Sink, Target
from fhirserver.search.keys import system_key

_SYSTEM_DATATYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    str: "string",
    Decimal: "decimal",
}


class Computed(NamedTuple):
    """A parameter with its compiled expression."""

    parameter: SearchParameter
    expression: Expression


def compile_computed(parameter: SearchParameter) -> Computed:
    """Compile the expression of a parameter."""
    return Computed(parameter, compile_expression(parameter.expression))


def emit_computed(computed: Computed, resource: JsonObject, sink: Sink) -> None:
    """Evaluate an expression and write its rows; where it does not fit, there are none."""
    parameter = computed.parameter
    try:
        items = computed.expression.evaluate(root_node(resource))
    except FhirPathError:
        return
    target = Target((parameter.id,), system_key(parameter.implicit_system))
    for item in items:
        value, datatype = _value(item)
        emit = emitter(parameter.type, datatype)
        if emit is not None and value is not None:
            sink.present.append(parameter.id)
            emit(value, sink, target)


def _value(item: Any) -> tuple[Any, str]:
    """Give the JSON value and the datatype of an item."""
    if isinstance(item, ElementNode):
        return item.value, item.path
    return item, _SYSTEM_DATATYPES.get(item.__class__, "")
