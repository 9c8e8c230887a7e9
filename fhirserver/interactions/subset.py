"""`_summary` and `_elements`: parts of a resource, tagged so that nobody stores them back.

Spec: https://hl7.org/fhir/R4/search.html#summary and #elements

    _summary=true    elements marked as summary, at every depth
    _summary=text    text, id, meta and what is mandatory at the top
    _summary=data    all but text
    _elements=a,b    a, b, id, meta, what is mandatory, and modifier elements
"""

from typing import NamedTuple

from fhirserver.definitions import Definitions
from fhirserver.definitions.elements import Element, Node
from fhirserver.errors import InvalidRequestError
from fhirserver.interactions.types import Query, Services
from fhirserver.model.json import JsonObject, JsonValue, parse_json, write_json
from fhirserver.search.context import SearchContext
from fhirserver.search.query import Summary
from fhirserver.search.results import parse_elements, parse_summary

_TAG = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
    "display": "subsetted",
}
_ALWAYS = frozenset(("resourceType", "id", "meta"))


class Subset(NamedTuple):
    """Which part of resources is asked for; see the module."""

    summary: Summary | None = None
    elements: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left out."""
        return self.summary in (None, "false", "count") and not self.elements


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
    if subset.is_whole:
        return body
    return write_json(subset_resource(definitions, parse_json(body), subset))


def subset_resource(definitions: Definitions, resource: JsonObject, subset: Subset) -> JsonObject:
    """Leave out what is not asked for. Pure.

    Returns:
        A new object, its elements in their order, with the SUBSETTED tag.
    """
    node = definitions.node(resource["resourceType"])
    found: JsonObject = {}
    for key, value in resource.items():
        name = key.removeprefix("_")
        if name in _ALWAYS:
            found[key] = value
            continue
        element = node.elements.get(name)
        if element is None or not _wanted(element, subset):
            continue
        if subset.summary == "true":
            value = _summary(definitions, element, value)
        found[key] = value
    return _tagged(found)


def _wanted(element: Element, subset: Subset) -> bool:
    if subset.elements:
        named = element.name in subset.elements or element.base_name in subset.elements
        return named or element.min > 0 or element.is_modifier
    match subset.summary:
        case "true":
            return element.is_summary or element.min > 0
        case "text":
            return element.name == "text" or element.min > 0
        case "data":
            return element.name != "text"
        case _:
            return True


def _summary(definitions: Definitions, element: Element, value: JsonValue) -> JsonValue:
    """Keep the summary elements below a backbone element; data types stay whole."""
    if element.node_path is None or "." not in element.node_path:
        return value
    node = definitions.node(element.node_path)
    if isinstance(value, list):
        return [_summary_object(definitions, node, item) for item in value]
    return _summary_object(definitions, node, value)


def _summary_object(definitions: Definitions, node: Node, value: JsonValue) -> JsonValue:
    if not isinstance(value, dict):
        return value
    found: JsonObject = {}
    for key, item in value.items():
        element = node.elements.get(key.removeprefix("_"))
        if element is not None and (element.is_summary or element.min > 0 or key == "id"):
            found[key] = _summary(definitions, element, item)
    return found


def _tagged(resource: JsonObject) -> JsonObject:
    meta = resource.get("meta", {})
    tags = [*meta.get("tag", ()), _TAG]
    tagged: JsonObject = {"resourceType": resource["resourceType"]}
    if "id" in resource:
        tagged["id"] = resource["id"]
    return {**tagged, "meta": {**meta, "tag": tags}, **_without(resource, _ALWAYS)}


def _without(resource: JsonObject, names: frozenset[str]) -> JsonObject:
    return {key: value for key, value in resource.items() if key not in names}
