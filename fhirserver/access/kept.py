"""Callers beyond their request: whose a link or key is, and in whose name a job works. Pure.

A link or an Idempotency-Key belongs to a principal with certain scopes; the same person with a
token for less is another caller. Relations and roles may change in between: they are not part of
it, and are asked for again each time.
"""

from functools import lru_cache
from typing import Any

from fhirserver.access.context import AuthContext
from fhirserver.access.rights import Rights
from fhirserver.access.scope import Scope
from fhirserver.access.scope_text import granted_scopes, render
from fhirserver.definitions import Definitions
from fhirserver.model.json import JsonObject

_PLAIN = ("patient", "user", "role", "reads_user", "trained")
_LISTS = ("patients", "broken_glass")


def principal(auth: AuthContext) -> str:
    """Name the caller with what its token is for; equal for requests that are one caller's."""
    if auth.rights is None:
        return f"{auth.actor}\n{auth.client}"
    rights = auth.rights
    return f"{auth.actor}\n{auth.client}\n{rights.patient}\n{_written(rights.scopes)}"


@lru_cache(maxsize=1024)
def _written(scopes: tuple[Scope, ...]) -> str:
    return " ".join(sorted(map(render, scopes)))


def keep_caller(auth: AuthContext) -> JsonObject:
    """Write a caller down for a job; `read_caller` reads it."""
    kept: JsonObject = {
        "actor": auth.actor,
        "client": auth.client,
        "request_id": auth.request_id,
        "address": auth.address,
        "of_test_run": auth.of_test_run,
        "token": auth.token,
        "principal": principal(auth),
    }
    if auth.rights is not None:
        kept["rights"] = _kept_rights(auth.rights)
    return kept


def read_caller(kept: Any, definitions: Definitions) -> AuthContext:
    """Read a caller that was written down; a scope that no longer fits grants nothing.

    Args:
        kept: see `keep_caller`; without rights where the server ran open.
        definitions: say what scopes mean.
    """
    found = {name: value for name, value in kept.items() if name not in ("principal", "rights")}
    rights = kept.get("rights")
    return AuthContext(**found, rights=rights and _read_rights(rights, definitions))


def reaches_as_much(auth: AuthContext, kept: JsonObject) -> bool:
    """Whether a principal still has the role and all relations that it had when it was kept.

    Args:
        auth: the same principal now.
        kept: see `keep_caller`.
    """
    before = kept.get("rights")
    if auth.rights is None or before is None:
        return auth.rights is None
    now = _kept_rights(auth.rights)
    if any(now[name] != before[name] for name in ("role", "trained")):
        return False
    if now["patients"] is None or before["patients"] is None:
        return now["patients"] is None
    if not set(before["broken_glass"]) <= set(now["broken_glass"]):
        return False  # it shows more than a relation does
    return set(before["patients"]) <= {*now["patients"], *now["broken_glass"]}


def _kept_rights(rights: Rights) -> JsonObject:
    kept: JsonObject = {name: getattr(rights, name) for name in _PLAIN}
    for name in _LISTS:
        ids = getattr(rights, name)
        kept[name] = None if ids is None else list(ids)
    return {**kept, "scopes": " ".join(map(render, rights.scopes))}


def _read_rights(kept: JsonObject, definitions: Definitions) -> Rights:
    lists: dict[str, Any] = {
        name: None if kept[name] is None else tuple(kept[name]) for name in _LISTS
    }
    plain = {name: kept[name] for name in _PLAIN}
    return Rights(granted_scopes(kept["scopes"], definitions), **plain, **lists)
