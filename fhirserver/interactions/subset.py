"""`_summary` and `_elements`: which part of resources goes out.

Spec: https://hl7.org/fhir/R4/search.html#summary and #elements

`projection` makes the parts; stored bytes that are wanted whole are not parsed.
"""

from typing import NamedTuple

from fhirserver.definitions import Definitions
from fhirserver.errors import InvalidRequestError
from fhirserver.interactions.projection import select_elements, summarise
from fhirserver.interactions.types import Query, Services
from fhirserver.model.json import parse_json, write_json
from fhirserver.search.context import SearchContext
from fhirserver.search.query import Summary
from fhirserver.search.results import parse_elements, parse_summary


class Subset(NamedTuple):
    """Which part of resources is asked for; the default is all of it."""

    summary: Summary | None = None
    elements: tuple[str, ...] = ()


def read_subset(services: Services, type_: str, query: Query | None) -> Subset:
    """Read the parameters of a read.

    Raises:
        InvalidRequestError: a value that does not exist; strictly, any other parameter.
    """
    if query is None or not query.pairs:
        return Subset()
    context = SearchContext(services.definitions, None, 0)
    subset = Subset()
    for name, value in query.pairs:
        if name == "_summary" and subset.summary is None and value != "count":
            subset = subset._replace(summary=parse_summary(value))
        elif name == "_elements" and not subset.elements:
            subset = subset._replace(elements=parse_elements(value, (type_,), context))
        elif query.handling == "strict":
            raise InvalidRequestError(
                f"{name}={value[:100]!r} does nothing here; a read takes _summary "
                "(true, text, data, false) and _elements, each once.",
                expression=(f"http.{name}",),
            )
    return subset


def apply_subset(definitions: Definitions, body: bytes, subset: Subset) -> bytes:
    """Give the part of a stored resource that is asked for."""
    resource = None
    if subset.elements:
        resource = select_elements(parse_json(body), subset.elements, definitions)
    elif subset.summary in ("true", "text", "data"):
        resource = summarise(parse_json(body), subset.summary, definitions)
    return body if resource is None else write_json(resource)
