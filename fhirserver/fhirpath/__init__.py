"""FHIRPath over FHIR's JSON: expressions become closures that know the element tables.

Spec: http://hl7.org/fhirpath/N1/index.html and https://hl7.org/fhir/R4/fhirpath.html

    compile_expression("name.where(use = 'official').given").evaluate(root_node(patient))

Text is read by `lexer` and `parser` to the tree of `syntax`; `compiler` makes closures of it;
`functions_*` hold the function tables.
"""

from fhirserver.fhirpath.context import Context, Resolver
from fhirserver.fhirpath.errors import FhirPathError, FhirPathLimitError
from fhirserver.fhirpath.expression import Expression, compile_expression
from fhirserver.fhirpath.parser import parse
from fhirserver.fhirpath.temporal import Temporal
from fhirserver.fhirpath.values import (
    Collection,
    ElementNode,
    Quantity,
    TypeInfo,
    root_node,
    to_system,
)

__all__ = [
    "Collection",
    "Context",
    "ElementNode",
    "Expression",
    "FhirPathError",
    "FhirPathLimitError",
    "Quantity",
    "Resolver",
    "Temporal",
    "TypeInfo",
    "compile_expression",
    "parse",
    "root_node",
    "to_system",
]
