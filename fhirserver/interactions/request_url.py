"""The URLs inside Bundles and references: a path below the base, and a query.

Spec: https://hl7.org/fhir/R4/bundle-definitions.html#Bundle.entry.request.url

    Patient                            POST create
    Patient?identifier=a|b             PUT, PATCH, DELETE: the conditional forms; GET search-type
    Patient/1                          GET read, PUT, PATCH, DELETE
    Patient/1/_history/2               GET vread
    Patient/1/_history                 GET history-instance     (also Patient/_history, _history)
    Patient/1/Observation?code=x       GET search-compartment   (also Patient/1/*)
    ?_type=Patient,Group               GET search-system
    metadata                           GET capabilities

A URL may also begin with this server's own base. HEAD goes where GET goes.
"""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from fhirserver.definitions import Definitions
from fhirserver.errors import FhirError, InvalidRequestError, MethodNotAllowedError, NotFoundError
from fhirserver.model.reference import is_id

Pairs = tuple[tuple[str, str], ...]

COMPARTMENTS = ("Patient", "Encounter", "Practitioner", "RelatedPerson", "Device")
"""Types whose compartments can be searched."""

_BROKEN_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")
_INSTANCE = {"GET": "read", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_TYPE = {
    "GET": "search-type",
    "POST": "create",
    "PUT": "conditional-update",
    "PATCH": "conditional-patch",
    "DELETE": "conditional-delete",
}


class Target(NamedTuple):
    """What a request inside a Bundle addresses.

    Attributes:
        interaction: FHIR's code; a conditional form has "conditional-" before it.
        type: resource type; None at the base and for `*` in a compartment.
        id: logical id; in a compartment search that of the compartment.
        version: what stands after `_history`.
        compartment: type of the compartment.
        pairs: parameters, decoded, in their order.
    """

    interaction: str
    type: str | None = None
    id: str | None = None
    version: str | None = None
    compartment: str | None = None
    pairs: Pairs = ()


def parse_request_url(method: str, url: str, definitions: Definitions, base_url: str) -> Target:
    """Find what an entry's request means.

    Args:
        method: GET, HEAD, POST, PUT, PATCH or DELETE.
        url: as sent.
        definitions: names the types.
        base_url: this server's FHIR base without a trailing slash.

    Raises:
        InvalidRequestError: malformed.
        NotFoundError: no such type or operation.
        MethodNotAllowedError: the place does not take this method.
    """
    method = "GET" if method == "HEAD" else method
    path, _, query = url.removeprefix(base_url).partition("?")
    segments = [decode(segment) for segment in path.strip("/").split("/")] if path else []
    pairs = parse_pairs(query)
    if any(segment.startswith("$") for segment in segments):
        raise NotFoundError(f"The operation {url[:100]!r} is not offered inside a Bundle.")
    if not segments or segments in (["_history"], ["metadata"]):
        return _system_target(method, segments, pairs)
    type_ = segments[0]
    if type_ not in definitions.resource_types:
        raise NotFoundError(f"{type_[:100]!r} is no resource type of FHIR R4 that has an endpoint.")
    if len(segments) == 1:
        return Target(_interaction(_TYPE, method, url), type_, pairs=pairs)
    if segments[1:] == ["_history"]:
        return Target(_interaction({"GET": "history-type"}, method, url), type_, pairs=pairs)
    return _instance_target(method, url, segments, pairs, definitions)


def _system_target(method: str, segments: list[str], pairs: Pairs) -> Target:
    name = segments[0] if segments else ""
    found = {"": "search-system", "_history": "history-system", "metadata": "capabilities"}[name]
    return Target(_interaction({"GET": found}, method, name), pairs=pairs)


def _instance_target(
    method: str, url: str, segments: list[str], pairs: Pairs, definitions: Definitions
) -> Target:
    type_, id_ = segments[:2]
    if not is_id(id_):
        raise InvalidRequestError(
            f"{id_[:100]!r} is not an id; use 1 to 64 letters, digits, '-' and '.'."
        )
    match segments[2:]:
        case []:
            return Target(_interaction(_INSTANCE, method, url), type_, id_, pairs=pairs)
        case ["_history"]:
            interaction = _interaction({"GET": "history-instance"}, method, url)
            return Target(interaction, type_, id_, pairs=pairs)
        case ["_history", version]:
            interaction = _interaction({"GET": "vread"}, method, url)
            return Target(interaction, type_, id_, version, pairs=pairs)
        case [member] if type_ in COMPARTMENTS:
            if member != "*" and member not in definitions.resource_types:
                raise NotFoundError(f"{member[:100]!r} is no resource type that has an endpoint.")
            interaction = _interaction({"GET": "search-compartment"}, method, url)
            wanted = None if member == "*" else member
            return Target(interaction, wanted, id_, compartment=type_, pairs=pairs)
    raise NotFoundError(f"Nothing is at {url[:200]!r}.")


def _interaction(methods: dict[str, str], method: str, url: str) -> str:
    found = methods.get(method)
    if found is None:
        raise MethodNotAllowedError(
            f"{method} does not exist at {url[:200]!r}; use {', '.join(methods)}."
        )
    return found


def parse_pairs(query: str) -> Pairs:
    """Take a query string apart; parameters without a name are dropped.

    Raises:
        InvalidRequestError: a broken percent escape, octets that are no UTF-8, or NUL.
    """
    pairs = []
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name:
            pairs.append((decode(name.replace("+", " ")), decode(value.replace("+", " "))))
    return tuple(pairs)


def decode(text: str) -> str:
    """Undo percent escapes.

    Raises:
        InvalidRequestError: a broken percent escape, octets that are no UTF-8, or NUL.
    """
    if "%" not in text and "\0" not in text:
        return text
    fault: FhirError = InvalidRequestError(
        f"{text[:100]!r} is not UTF-8 with percent escapes, or it holds NUL."
    )
    if _BROKEN_ESCAPE.search(text):
        raise fault
    try:
        decoded = unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise fault from None
    if "\0" in decoded:
        raise fault
    return decoded
