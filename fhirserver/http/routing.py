"""Routes: a path's shape and a method make an interaction.

Spec: https://hl7.org/fhir/R4/http.html#summary and https://hl7.org/fhir/R4/search.html#2.1.1.2

    shape of the path                     methods
    (base)                                GET search-system    POST batch
    metadata                              GET capabilities
    openapi.json                          GET openapi, the same for other tools than FHIR's
    .well-known/[name]                    GET discovery, what clients need to get a token
    _search                               POST search-system
    _history                              GET history-system
    _async/[key]                          GET async-status     DELETE async-cancel
    [type]                                GET search-type      POST create
                                          PUT, PATCH, DELETE   the conditional forms
    [type]/_search                        POST search-type
    [type]/_history                       GET history-type
    [type]/[id]                           GET read  PUT update  PATCH patch  DELETE delete
    [type]/[id]/_history                  GET history-instance
    [type]/[id]/_history/[vid]            GET vread
    [type]/[id]/[type or *]               GET search-compartment
    [type]/[id]/[type or *]/_search       POST search-compartment

    $[operation] below base, [type], or   GET, POST operation
    [type]/[id]

HEAD goes wherever GET goes, and OPTIONS everywhere. A path that exists answers another method with
405 and Allow. Whether an operation of a name exists is known to `fhirserver.operations`.
"""

import re
from dataclasses import dataclass, replace
from typing import Protocol

from fhirserver.errors import (
    FhirError,
    InvalidRequestError,
    MethodNotAllowedError,
    NotFoundError,
)
from fhirserver.model.reference import is_id

COMPARTMENTS = frozenset(("Device", "Encounter", "Patient", "Practitioner", "RelatedPerson"))

_SEGMENT = re.compile(r"[A-Za-z0-9\-._$*]+", re.ASCII)


class ResourceTypes(Protocol):
    """The part of the definitions that routing needs."""

    @property
    def resource_types(self) -> tuple[str, ...]:
        """The types that have an endpoint."""


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request goes.

    Attributes:
        interaction: FHIR's code; a conditional form has "conditional-" before it.
        type: resource type of the path; None at the base. In a compartment search the type that is
            searched, None for `*`.
        id: logical id of the path, the key of an asynchronous request, or the name of a document
            below `.well-known`.
        version: what stands after `_history`.
        compartment: type of the compartment in a compartment search; `id` is its id.
        operation: name of an operation, without "$".
        methods: those that the place takes, where OPTIONS asks; of an operation those that some
            operation takes.
    """

    interaction: str
    type: str | None = None
    id: str | None = None
    version: str | None = None
    compartment: str | None = None
    operation: str | None = None
    methods: tuple[str, ...] = ()


ROUTES: dict[str, dict[str, str]] = {
    "base": {"GET": "search-system", "POST": "batch"},
    "metadata": {"GET": "capabilities"},
    "openapi.json": {"GET": "openapi"},
    ".well-known": {"GET": "discovery"},
    "_search": {"POST": "search-system"},
    "_history": {"GET": "history-system"},
    "_async": {"GET": "async-status", "DELETE": "async-cancel"},
    "type": {
        "GET": "search-type",
        "POST": "create",
        "PUT": "conditional-update",
        "PATCH": "conditional-patch",
        "DELETE": "conditional-delete",
    },
    "type/_search": {"POST": "search-type"},
    "type/_history": {"GET": "history-type"},
    "instance": {"GET": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete"},
    "instance/_history": {"GET": "history-instance"},
    "version": {"GET": "vread"},
    "compartment": {"GET": "search-compartment"},
    "compartment/_search": {"POST": "search-compartment"},
    "operation": {"GET": "operation", "POST": "operation"},
}


class Router:
    """Finds routes among a server's resource types.

    Args:
        definitions: names the types.
    """

    def __init__(self, definitions: ResourceTypes) -> None:
        self._types = frozenset(definitions.resource_types)

    def find(self, method: str, path: str) -> Route:
        """Find the route of a request.

        Args:
            method: upper case.
            path: below the FHIR base, e.g. "/Patient/1"; see `Request.path`.

        Raises:
            InvalidRequestError: a path or id that cannot be one.
            NotFoundError: no such type, operation or place.
            MethodNotAllowedError: the place does not take this method; carries Allow.
        """
        segments = path.strip("/").split("/") if path.strip("/") else []
        if segments and segments[0] in self._types and method in ("GET", "HEAD"):
            # The two that come most, without a look at all the shapes.
            if len(segments) == 1:
                return Route("search-type", segments[0])
            if len(segments) == 2 and is_id(segments[1]):
                return Route("read", segments[0], segments[1])
        _check_segments(path, segments)
        shape, route = self._shape(segments)
        methods = ROUTES[shape]
        if method == "OPTIONS":
            return replace(route, interaction="options", methods=_allowed(methods))
        interaction = methods.get("GET" if method == "HEAD" else method)
        if interaction is None:
            raise _not_allowed(method, methods)
        return replace(route, interaction=interaction)

    def _shape(self, segments: list[str]) -> tuple[str, Route]:
        """Classify a path; the route comes without its interaction."""
        match segments:
            case []:
                return "base", Route("")
            case [("metadata" | "openapi.json" | "_search" | "_history") as name]:
                return name, Route("")
            case [".well-known", name]:
                return ".well-known", Route("", id=name)
            case ["_async", key]:
                return "_async", Route("", id=_checked_id(key))
            case [*above, name] if name.startswith("$"):
                return "operation", self._operation(above, name[1:])
            case [type_]:
                return "type", Route("", self._known(type_))
            case [type_, ("_search" | "_history") as name]:
                return f"type/{name}", Route("", self._known(type_))
            case [type_, id_, *below]:
                return self._below_instance(self._known(type_), _checked_id(id_), below)
            case _:
                raise _no_such_place(segments)

    def _operation(self, above: list[str], name: str) -> Route:
        match above:
            case []:
                return Route("", operation=name)
            case [type_]:
                return Route("", self._known(type_), operation=name)
            case [type_, id_]:
                return Route("", self._known(type_), _checked_id(id_), operation=name)
            case _:
                raise _no_such_place([*above, f"${name}"])

    def _below_instance(self, type_: str, id_: str, below: list[str]) -> tuple[str, Route]:
        match below:
            case []:
                return "instance", Route("", type_, id_)
            case ["_history"]:
                return "instance/_history", Route("", type_, id_)
            case ["_history", version]:
                return "version", Route("", type_, id_, _checked_id(version))
            case [member]:
                return "compartment", self._compartment(type_, id_, member)
            case [member, "_search"]:
                return "compartment/_search", self._compartment(type_, id_, member)
            case _:
                raise _no_such_place([type_, id_, *below])

    def _compartment(self, type_: str, id_: str, member: str) -> Route:
        if type_ not in COMPARTMENTS:
            raise NotFoundError(
                f"{type_} is no compartment; compartments are {', '.join(sorted(COMPARTMENTS))}."
            )
        wanted = None if member == "*" else self._known(member)
        return Route("", wanted, id_, compartment=type_)

    def _known(self, name: str) -> str:
        if name in self._types:
            return name
        raise NotFoundError(
            f"{name!r} is no resource type of FHIR R4 that has an endpoint; "
            "see the CapabilityStatement at /metadata."
        )


def _check_segments(path: str, segments: list[str]) -> None:
    for segment in segments:
        if _SEGMENT.fullmatch(segment) is None:
            raise InvalidRequestError(
                f"The path {_shown(path)!r} holds an empty segment or a character that no FHIR "
                "path has; use letters, digits, '-' and '.' in ids.",
                expression=("http.path",),
            )


def _checked_id(text: str) -> str:
    if is_id(text):
        return text
    raise InvalidRequestError(
        f"{_shown(text)!r} is not an id; use 1 to 64 letters, digits, '-' and '.'.",
        expression=("http.path",),
    )


def _shown(text: str) -> str:
    """Undo the octets-as-characters convention for a message."""
    return text[:200].encode("latin-1", "replace").decode("utf-8", "replace")


def _no_such_place(segments: list[str]) -> FhirError:
    return NotFoundError(
        f"Nothing is at {_shown('/'.join(segments))!r}; see https://hl7.org/fhir/R4/http.html."
    )


def _allowed(methods: dict[str, str]) -> tuple[str, ...]:
    reading = ("GET", "HEAD") if "GET" in methods else ()
    return (*reading, *(each for each in methods if each != "GET"), "OPTIONS")


def _not_allowed(method: str, methods: dict[str, str]) -> MethodNotAllowedError:
    allow = ", ".join(_allowed(methods))
    return MethodNotAllowedError(
        f"{method[:20]} does not exist here; use {allow}.", headers=(("Allow", allow),)
    )
