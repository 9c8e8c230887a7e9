"""The URL of an operation.

Spec: https://hl7.org/fhir/R4/testscript-definitions.html#TestScript.setup.action.operation.url

    url        counts alone; relative to the target's base unless it is absolute
    params     below [base]/[resource]; targetId is not looked at
    targetId   gives type, id and version of what is meant
    sourceId   gives type and id where neither of these does

Request URLs have no fragment, so a "#" is a character of a value like any other.
"""

import re
from urllib.parse import quote

from fhirserver_conformance.engine.interactions import INTERACTIONS, OPERATIONS, Interaction
from fhirserver_conformance.engine.places import Place, place_in, type_in
from fhirserver_conformance.engine.problem import ActionProblem
from fhirserver_conformance.engine.settings import Target
from fhirserver_conformance.engine.state import State
from fhirserver_conformance.script.model import Operation

_ILLEGAL = re.compile(r"%(?![0-9A-Fa-f]{2})|[^A-Za-z0-9._~!$&'()*+,;=:@/?%-]")
_ABSOLUTE = re.compile(r"(https?://[^/?#]*)(.*)", re.DOTALL | re.IGNORECASE)


def interaction_of(operation: Operation) -> Interaction:
    """Give the row of the table for an operation's code.

    Raises:
        ActionProblem: the code is none that is known.
    """
    code = operation.code
    if code in INTERACTIONS:
        return INTERACTIONS[code]
    method = "POST" if operation.source_id else "GET"
    if not code:
        return Interaction(method, "type")
    named = f"${code}" in f"{operation.url or ''}{operation.params or ''}"
    if code not in OPERATIONS and not named:
        raise ActionProblem(
            f"'{code}' is no operation code of R4; give its name with a $ in url or params"
        )
    return Interaction(method, "operation", f"/${code}")


def address_of(operation: Operation, state: State, target: Target) -> str:
    """Give the absolute URL of an operation.

    Raises:
        ActionProblem: there is too little to make one of, or a variable has no value.
    """
    if operation.url is not None:
        url = state.variables.fill(operation.url)
        if not _ABSOLUTE.match(url):
            url = f"{target.base}/{url.lstrip('/')}" if url else target.base
    else:
        url = target.base + _below_base(operation, state)
    return encoded(url) if operation.encode_request_url else url


def encoded(url: str) -> str:
    """Percent-encode what no URL may hold; what is encoded already stays."""
    found = _ABSOLUTE.match(url)
    if found is None:
        return url
    return found[1] + _ILLEGAL.sub(lambda match: quote(match[0], safe=""), found[2])


def _below_base(operation: Operation, state: State) -> str:
    interaction = interaction_of(operation)
    if operation.params is not None:
        params = _with_mark(state.variables.fill(operation.params), operation.code)
        return _named_type(operation, interaction, state) + _with_suffix(params, interaction)
    return _LEVELS[interaction.level](operation, interaction, state)


def _with_mark(params: str, code: str) -> str:
    """Begin params with "/" or "?", as scripts may leave it out."""
    if not params or params.startswith(("/", "?")):
        return params
    return f"?{params}" if code == "search" or "=" in params else f"/{params}"


def _with_suffix(params: str, interaction: Interaction) -> str:
    path, mark, query = params.partition("?")
    if interaction.suffix and interaction.suffix not in path:
        path = path.rstrip("/") + interaction.suffix
    return path + mark + query


def _named_type(operation: Operation, interaction: Interaction, state: State) -> str:
    """Give "/Type" where `params` hang below one."""
    if operation.resource is not None:
        return f"/{operation.resource}"
    if interaction.level in ("system", "operation") or not operation.source_id:
        return ""
    return f"/{type_in(state.message(operation.source_id))}"


def _system(_operation: Operation, interaction: Interaction, _state: State) -> str:
    return interaction.suffix


def _type(operation: Operation, interaction: Interaction, state: State) -> str:
    return _named_type(operation, interaction, state) + interaction.suffix


def _instance(operation: Operation, _interaction: Interaction, state: State) -> str:
    place = _place(operation, state)
    return f"/{place.type}/{place.id}"


def _version(operation: Operation, _interaction: Interaction, state: State) -> str:
    place = _place(operation, state)
    if place.version_id is None:
        raise ActionProblem(
            f"'{operation.target_id}' has no meta.versionId; name the version in params"
        )
    return f"/{place.type}/{place.id}/_history/{place.version_id}"


def _optional_instance(operation: Operation, interaction: Interaction, state: State) -> str:
    if operation.target_id:
        return _instance(operation, interaction, state) + interaction.suffix
    return _type(operation, interaction, state)


_LEVELS = {
    "system": _system,
    "type": _type,
    "instance": _instance,
    "version": _version,
    "operation": _optional_instance,
}


def _place(operation: Operation, state: State) -> Place:
    id = operation.target_id or operation.source_id
    if id is None:
        raise ActionProblem(f"'{operation.code}' needs url, params or targetId")
    return state.places.get((operation.destination or 1, id)) or place_in(state.message(id))
