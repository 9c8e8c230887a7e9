"""The specification as data: element tables, search parameters, compartments, operations.

Spec: https://hl7.org/fhir/R4/structuredefinition.html and https://hl7.org/fhir/R4/searchparameter.html

`r4()` reads the compiled file of `fhirserver_profiles` once; tables are built when first asked for.
"""

from functools import cache
from typing import Literal

from fhirserver_profiles import read_compiled_r4

from fhirserver.definitions.composites import Component
from fhirserver.definitions.elements import Choice, Element, Invariant, Node, TypeDef
from fhirserver.definitions.main_date import MAIN_DATE
from fhirserver.definitions.registry import Definitions, OperationDef
from fhirserver.definitions.search_parameters import (
    FIRST_OWN,
    FULL_TEXT,
    LAST_OWN,
    SearchParameter,
)

__all__ = [
    "FIRST_OWN",
    "FULL_TEXT",
    "LAST_OWN",
    "MAIN_DATE",
    "Choice",
    "Component",
    "Definitions",
    "Element",
    "FullText",
    "Invariant",
    "Node",
    "OperationDef",
    "SearchParameter",
    "TypeDef",
    "r4",
    "r4_with",
]

FullText = Literal["off", "text", "content"]
"""Words that are searched: none, those of narratives, or of everything."""


@cache
def r4() -> Definitions:
    """Give the definitions of FHIR R4 (4.0.1); of words it searches those of narratives."""
    return Definitions(read_compiled_r4())


@cache
def r4_with(full_text: FullText) -> Definitions:
    """Give the definitions of FHIR R4 with the parameters of words that a server searches."""
    return r4().searching(_SEARCHED[full_text])


_SEARCHED: dict[FullText, frozenset[str]] = {
    "off": frozenset(),
    "text": frozenset({"_text"}),
    "content": FULL_TEXT,
}
