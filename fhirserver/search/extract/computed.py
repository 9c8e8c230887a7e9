"""Parameters whose expression computes a value instead of naming an element.

Spec: https://hl7.org/fhir/R4/patient.html#search

In R4 that is one: `deceased` of Patient, "exists() and not false".
"""

from typing import NamedTuple

from fhirserver.definitions import SearchParameter
from fhirserver.model.json import JsonObject
from fhirserver.search.extract.rows import Sink


class Computed(NamedTuple):
    """A parameter with its compiled expression."""

    parameter: SearchParameter


def compile_computed(parameter: SearchParameter) -> Computed:
    """Compile the expression of a parameter."""
    return Computed(parameter)


def emit_computed(computed: Computed, resource: JsonObject, sink: Sink) -> None:
    """Evaluate an expression and write its rows."""
