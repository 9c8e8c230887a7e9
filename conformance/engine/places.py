"""Where a resource is on a server: what bodies and Location headers say.

Spec: https://hl7.org/fhir/R4/http.html#create
"""

import re
from dataclasses import dataclass

from fhirserver_conformance.engine.message import Message
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.paths.document import Document
from fhirserver_conformance.paths.path import evaluate_path
from fhirserver_conformance.paths.values import PathError, text_of

_LOCATION = re.compile(
    r"(?:^|/)([A-Z][A-Za-z]+)/([A-Za-z0-9.-]{1,64})(?:/_history/([A-Za-z0-9.-]{1,64}))?/?$",
    re.ASCII,
)
_CREATED = "201"
_RESPONSES = ("batch-response", "transaction-response")
_HEADERS = ("Location", "Content-Location")


@dataclass(frozen=True, slots=True)
class Place:
    """Type, id and version of a resource; the version is None where it is not known."""

    type: str
    id: str
    version_id: str | None = None


def type_in(message: Message) -> str:
    """Give the resource type of a body. Raises ActionProblem where there is none."""
    found = type_or_none(message)
    if found is None:
        raise ActionProblem(f"{message.label} is no resource, so its type is not known")
    return found


def type_or_none(message: Message) -> str | None:
    """Give the resource type of a body, or None where it is no resource."""
    return _root_type(message.document)


def place_in(message: Message) -> Place:
    """Give where a resource is by its body, or by the headers it came with.

    Raises:
        ActionProblem: neither says it.
    """
    found = place_or_none(message)
    if found is None:
        raise ActionProblem(f"{message.label} has no id, so it says no address")
    return found


def place_or_none(message: Message) -> Place | None:
    """Give where a resource is, or None."""
    type = _root_type(message.document)
    if type is not None and type != "OperationOutcome":
        id = _first(message.document, "id")
        if id is not None:
            return Place(type, id, _first(message.document, "meta.versionId"))
    named = (place_named(message.header(header) or "") for header in _HEADERS)
    return next((place for place in named if place is not None), None)


def places_made(message: Message) -> list[Place]:
    """Give what a successful write has made or changed: one resource, or the new ones of a Bundle.

    Spec: https://hl7.org/fhir/R4/http.html#transaction-response
    """
    if not _answers_a_bundle(message.document):
        place = place_or_none(message)
        return [] if place is None else [place]
    try:
        entries = evaluate_path("$.entry[*].response", message.document)
    except PathError:
        return []
    named = [
        place_named(str(entry.get("location")))
        for entry in entries
        if isinstance(entry, dict) and str(entry.get("status")).startswith(_CREATED)
    ]
    return [place for place in named if place is not None]


def place_named(url: str) -> Place | None:
    """Give the resource that a URL names, or None: …/Type/id, …/Type/id/_history/version."""
    match = _LOCATION.search(url)
    return None if match is None else Place(match[1], match[2], match[3])


def _answers_a_bundle(document: Document) -> bool:
    return _root_type(document) == "Bundle" and _first(document, "type") in _RESPONSES


def _root_type(document: Document) -> str | None:
    try:
        if document.format == "xml":
            return str(document.xml.getroot().tag)
        found = document.resource.get("resourceType")
    except PathError:
        return None
    return found if isinstance(found, str) else None


def _first(document: Document, path: str) -> str | None:
    if document.format == "xml":
        path = "/*/" + path.replace(".", "/")
    values = evaluate_path(path, document)
    return text_of(values[0]) if values else None
