"""The text of scopes: a token request's `scope` taken apart, and written again.

Spec: https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html and RFC 6749,
section 3.3

    scopes   = [scope *(" " scope)]
    scope    = level "/" type "." rights ["?" query] | context
    level    = "patient" | "user" | "system"
    type     = a resource type | "*"
    rights   = ["c"] ["r"] ["u"] ["d"] ["s"], one at least      version 2
             | "read" | "write" | "*"                           version 1: rs, cud, cruds; no query
    context  = "openid" | "fhirUser" | "profile" | "launch" | "offline_access" | "online_access"
             | "launch/" type in small letters ["?role=" role]

A scope fits as a whole or not at all. What begins like one for resources and is none is refused;
any other is unknown: it is left out, and grants nothing.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from fhirserver.access.scope import (
    ANY_TYPE,
    NO_RIGHT,
    Level,
    Right,
    Scope,
    letters_of,
    rights_of,
)
from fhirserver.access.scope_query import parse_query, render_query
from fhirserver.definitions import Definitions

CONTEXT = ("openid", "fhirUser", "profile", "launch", "offline_access", "online_access")
"""Scopes that are about no resources."""
VERSION_1 = {"read": rights_of("rs"), "write": rights_of("cud"), "*": rights_of("cruds")}
TEXT_MAX = 20_000
"""Characters of a request's scopes; every type at every level fits in."""

_RESOURCE = re.compile(
    r"(patient|user|system)/(\*|[A-Za-z]+)\.(?:(read|write|\*)|(c?r?u?d?s?))(?:\?(.+))?"
)
_LIKE_A_RESOURCE = re.compile(r"(?:patient|user|system)[/:.]")
_LAUNCH = re.compile(r"launch/([a-z]+)(?:\?role=[\x21\x23-\x5b\x5d-\x7e]+)?")


@dataclass(frozen=True, slots=True)
class Asked:
    """Scopes taken apart, each kind in its order and doubled ones once.

    Attributes:
        resources: for FHIR resources.
        others: of identity, launch and refresh, as sent.
        refused: those that are wrong, as sent, each with the reason.
        unknown: those that mean nothing here, as sent.
        v1: those of `resources` that were written in version 1.
    """

    resources: tuple[Scope, ...] = ()
    others: tuple[str, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    v1: frozenset[Scope] = frozenset()


def parse_scopes(text: str, definitions: Definitions) -> Asked:
    """Take scopes apart. Pure.

    Args:
        text: as in the parameter `scope`, decoded as that parameter.
        definitions: resource types and search parameters.
    """
    if len(text) > TEXT_MAX:
        return Asked(refused=((text[:100], f"the scopes have more than {TEXT_MAX} characters"),))
    resources: dict[Scope, None] = {}
    others: dict[str, None] = {}
    refused: dict[str, str] = {}
    unknown: dict[str, None] = {}
    v1: set[Scope] = set()
    for each in filter(None, text.split(" ")):
        if not _LIKE_A_RESOURCE.match(each):
            (others if _is_context(each, definitions) else unknown)[each] = None
            continue
        try:
            scope, is_v1 = _parse(each, definitions)
        except ValueError as error:
            refused[each] = str(error)
            continue
        resources[scope] = None
        if is_v1:
            v1.add(scope)
    return Asked(
        tuple(resources), tuple(others), tuple(refused.items()), tuple(unknown), frozenset(v1)
    )


@lru_cache(maxsize=4096)
def granted_scopes(text: str, definitions: Definitions) -> tuple[Scope, ...]:
    """Give the scopes for resources of a token that was issued.

    What no longer fits, as a query whose search parameter is gone, grants nothing.
    """
    return parse_scopes(text, definitions).resources


def render(scope: Scope, *, v1: bool = False) -> str:
    """Write a scope.

    Args:
        scope: it.
        v1: in version 1, where that has a word for its rights.
    """
    rights = letters_of(scope.rights)
    if v1 and not scope.where:
        rights = next((word for word, of in VERSION_1.items() if of == scope.rights), rights)
    return f"{scope.level}/{scope.type}.{rights}{render_query(scope.where)}"


def render_granted(granted: Iterable[Scope], asked: Asked) -> str:
    """Write what was granted as it was asked for: in version 1 where that was asked in version 1.

    Once something is narrowed to a query, which version 1 cannot say, all is version 2.
    """
    scopes = tuple(granted)
    narrowed = any(scope.where and scope not in asked.resources for scope in scopes)
    return " ".join(render(scope, v1=not narrowed and scope in asked.v1) for scope in scopes)


def _is_context(text: str, definitions: Definitions) -> bool:
    launch = _LAUNCH.fullmatch(text)
    return text in CONTEXT or (
        launch is not None and launch[1] in map(str.lower, definitions.resource_types)
    )


def _parse(text: str, definitions: Definitions) -> tuple[Scope, bool]:
    """Read one scope for resources, and tell whether it is of version 1.

    Raises:
        ValueError: with what is wrong.
    """
    match = _RESOURCE.fullmatch(text)
    if match is None:
        raise ValueError("write level/Type.rights, with rights in the order cruds, each once")
    level, type_, word, letters, query = match.groups()
    if type_ != ANY_TYPE and type_ not in definitions.resource_types:
        raise ValueError(f"there is no resource type {type_[:100]!r}")
    rights = _rights(word, letters)
    if query and word:
        raise ValueError("a query goes with the letters of version 2, as in .rs?")
    where = parse_query(type_, query, definitions) if query else ()
    return Scope(cast("Level", level), type_, rights, where), bool(word)


def _rights(word: str | None, letters: str | None) -> Right:
    rights = VERSION_1[word] if word else rights_of(letters or "")
    if rights == NO_RIGHT:
        raise ValueError("it grants nothing; add some of the letters cruds")
    return rights
