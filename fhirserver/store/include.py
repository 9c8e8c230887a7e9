"""What a page includes: `_include`, `_revinclude`, `:iterate`.

Spec: https://hl7.org/fhir/R4/search.html#revinclude

Forward references are read from the rows' packed index keys, which came with the page; reverse
ones from the index. Everything included is in reach of the caller like a match of its type, and
that is tested before the limit counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fhirserver.definitions import Definitions, SearchParameter
from fhirserver.model.stored import StoredResource
from fhirserver.search.condition_sql import Row, test
from fhirserver.search.conditions import ALWAYS, Fragment
from fhirserver.search.plan import Plan
from fhirserver.search.query import Include
from fhirserver.store.identities import Identity
from fhirserver.store.packed_keys import unpack
from fhirserver.store.schema import NOT_SEARCHED, method_name

_BY_IDENTITY = """
    SELECT r.rid, r.tid, r.id, r.version, r.updated, r.method, r.body, r.keys
    FROM unnest(%s::smallint[], %s::text[]) wanted (tid, id)
    JOIN resource r ON r.tid = wanted.tid AND r.id = wanted.id
    WHERE r.state = 1 AND {reach}
"""
_REFERRING = """
    SELECT r.rid, r.tid, r.id, r.version, r.updated, r.method, r.body, r.keys
    FROM (
        SELECT DISTINCT f.rid FROM ref f
        WHERE f.sp = ANY(%s::smallint[]) AND f.target = ANY(%s::bigint[]) AND f.home AND {reach}
        LIMIT %s
    ) wanted
    JOIN resource r ON r.rid = wanted.rid
    WHERE r.state = 1
    ORDER BY r.rid
"""


class Found(NamedTuple):
    """A resource with its packed index keys."""

    stored: StoredResource
    keys: bytes


@dataclass(slots=True)
class Included:
    """What was included so far; `cut` says that the limit left something out."""

    resources: list[StoredResource] = field(default_factory=list)
    cut: bool = False


Run = Callable[[Fragment], Iterable[tuple[Any, ...]]]
"""Runs SQL as the page's own was run."""


def include(run: Run, plan: Plan, matches: Sequence[Found]) -> Included:
    """Collect what a page includes; nothing twice, and nothing that is a match.

    Args:
        run: reads from the database.
        plan: its query says what to include, its confinement what may be seen.
        matches: the page.
    """
    collector = _Collector(run, plan, {found.stored.rid for found in matches})
    layer: Sequence[Found] = matches
    first = True
    while layer and not collector.included.cut:
        layer = collector.next_layer(layer, first=first)
        first = False
    return collector.included


class _Collector:
    """Follows references layer by layer."""

    def __init__(self, run: Run, plan: Plan, seen: set[int]) -> None:
        self.included = Included()
        self._run = run
        self._plan = plan
        self._definitions = plan.confined.definitions
        self._seen = seen

    def next_layer(self, layer: Sequence[Found], *, first: bool) -> list[Found]:
        """Include what a layer leads to; after the first only `:iterate` goes on."""
        found: list[Found] = []
        forward = [each for each in self._plan.query.include if first or each.iterate]
        if forward:
            identities = {
                identity: None
                for source in layer
                for identity in _targets(source, forward, self._definitions)
            }
            found += self._keep(self._by_identity(identities))
        for each in self._plan.query.revinclude:
            if first or each.iterate:
                found += self._keep(self._referring(each, layer))
        return found

    def _by_identity(self, identities: Iterable[Identity]) -> Iterable[tuple[Any, ...]]:
        wanted = list(identities)
        if not wanted:
            return []
        columns = ([tid for tid, _ in wanted], [id for _, id in wanted])
        names = sorted({self._definitions.type_name(tid) for tid, _ in wanted})
        reach = self._reach(names, "r")
        text = _BY_IDENTITY.replace("{reach}", reach.text)
        return self._run(Fragment(text, (*columns, *reach.params)))

    def _referring(self, wanted: Include, layer: Sequence[Found]) -> Iterable[tuple[Any, ...]]:
        targets = [
            found.stored.rid
            for found in layer
            if wanted.target is None or found.stored.type == wanted.target
        ]
        sources = self._definitions.resource_types if wanted.source == "*" else (wanted.source,)
        sps = _reverse_parameters(
            wanted.code, sources, {found.stored.type for found in layer}, self._definitions
        )
        if not sps or not targets:
            return []
        most = self._plan.include_limit + len(self._seen) + 1
        reach = self._reach(sources, "f")
        text = _REFERRING.replace("{reach}", reach.text)
        return self._run(Fragment(text, (sps, targets, *reach.params, most)))

    def _reach(self, types: Sequence[str], alias: str) -> Fragment:
        """Test that a row's resource, one of some types, is in reach of the caller."""
        reach = self._plan.confined.in_reach(types)
        return ALWAYS if reach is None else test(reach, Row(alias))

    def _keep(self, rows: Iterable[tuple[Any, ...]]) -> list[Found]:
        kept: list[Found] = []
        for rid, tid, id, version, updated, method, body, keys in rows:
            if rid in self._seen:
                continue
            if len(self.included.resources) >= self._plan.include_limit:
                self.included.cut = True
                break
            self._seen.add(rid)
            name = self._definitions.type_name(tid)
            stored = StoredResource(rid, name, id, version, updated, method_name(method), body)
            self.included.resources.append(stored)
            kept.append(Found(stored, keys))
        return kept


def _targets(
    source: Found, wanted: Sequence[Include], definitions: Definitions
) -> Iterable[Identity]:
    """Give the identities that a resource refers to by the parameters wanted."""
    filters = [_forward(each, source.stored.type, definitions) for each in wanted]
    filters = [each for each in filters if each is not None]
    if not filters:
        return
    for sp, tid, id in unpack(source.keys).reference:
        if sp == NOT_SEARCHED:
            continue
        if any(
            (each.sp is None or each.sp == sp) and (each.tid is None or each.tid == tid)
            for each in filters
            if each is not None
        ):
            yield tid, id


@dataclass(frozen=True, slots=True)
class _Filter:
    """References to follow: of one parameter, to one type; None stands for any."""

    sp: int | None
    tid: int | None


def _forward(wanted: Include, type_name: str, definitions: Definitions) -> _Filter | None:
    if wanted.source not in ("*", type_name):
        return None
    target = wanted.target
    if wanted.code == "*":
        return _Filter(None, None if target is None else definitions.type_id(target))
    parameter = definitions.search_parameters(type_name)[wanted.code]
    only = parameter.alias_target
    if target is not None and only is not None and target != only:
        return None
    target = target or only
    return _Filter(parameter.rows_id, None if target is None else definitions.type_id(target))


def _reverse_parameters(
    code: str, sources: Sequence[str], layer_types: set[str], definitions: Definitions
) -> list[int]:
    """List the parameters by which resources wanted may refer to a layer."""
    found: set[int] = set()
    for name in sources:
        for parameter in definitions.search_parameters(name).values():
            if parameter.type == "reference" and code in ("*", parameter.code):
                found |= _usable(parameter, layer_types)
    return sorted(found)


def _usable(parameter: SearchParameter, layer_types: set[str]) -> set[int]:
    if parameter.alias_target is not None and parameter.alias_target not in layer_types:
        return set()
    return {parameter.rows_id} if parameter.supported and not parameter.pending else set()
