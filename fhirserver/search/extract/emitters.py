"""Which datatypes have rows for which type of search parameter.

Spec: https://hl7.org/fhir/R4/search.html#table

The tables stand in one module per type of parameter. A datatype that is missing there has no
value of that kind (a date parameter whose choice is a string, say): it is neither indexed nor
present. An extension is indexed by its value.
"""

from collections.abc import Mapping
from functools import cache

from fhirserver.definitions.search_parameters import SearchType
from fhirserver.model.json import JsonObject
from fhirserver.search.extract import (
    date,
    number,
    position,
    quantity,
    reference,
    string,
    token,
    uri,
)
from fhirserver.search.extract.rows import Emit, Sink, Target

EMITTERS: Mapping[str, Mapping[str, Emit]] = {
    "date": date.EMITTERS,
    "number": number.EMITTERS,
    "quantity": quantity.EMITTERS,
    "reference": reference.EMITTERS,
    "special": position.EMITTERS,
    "string": string.EMITTERS,
    "token": token.EMITTERS,
    "uri": uri.EMITTERS,
}
"""By type of parameter, then by datatype."""


def emitter(kind: SearchType, datatype: str) -> Emit | None:
    """Give what writes the rows of a datatype; None if it has none."""
    if datatype == "Extension":
        return _of_extension(kind)
    return EMITTERS[kind].get(datatype)


@cache
def _of_extension(kind: SearchType) -> Emit:
    by_name = {
        f"value{datatype[0].upper()}{datatype[1:]}": emit
        for datatype, emit in EMITTERS[kind].items()
    }

    def emit_value(value: JsonObject, sink: Sink, target: Target) -> None:
        for name, item in value.items():
            emit = by_name.get(name)
            if emit is not None:
                emit(item, sink, target)

    return emit_value
