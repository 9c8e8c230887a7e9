"""Every include and reverse include brings what is linked, and nothing beside it.

Spec: https://hl7.org/fhir/R4/search.html#include

Many reverse includes go into one search, but never two that could bring the same resource.
"""

from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from fhirserver.definitions import r4
from fhirserver_conformance.examples.by_hand import NEVER_LINKED
from fhirserver_conformance.examples.minimal import FIRST, SECOND
from tests.claims.conftest import World
from tests.client import Client

TOGETHER = 50
"""Includes that one search may have."""

Claims = dict[str, set[str]]
"""By "Source:code": the resources that it must bring, as Type/id."""


@pytest.mark.parametrize("name", r4().resource_types)
def test_includes(name: str, world: World, client: Client) -> None:
    data, failures = world.data[name], []
    for claim in world.types[name]["searchInclude"]:
        code = claim.partition(":")[2]
        links = {key: ids for key, ids in data.links.items() if claim == "*" or key[0] == code}
        if not links and claim != "*":
            failures.append(f"{claim}: a claim without a datum")
        for (_, target), ids in sorted(links.items())[:2]:
            found = _included(client, name, min(ids), [("_include", claim)])
            if f"{target}/{FIRST}" not in found or f"{target}/{SECOND}" in found:
                failures.append(f"{claim} of {min(ids)}: {sorted(found)[:9]}")
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("name", r4().resource_types)
def test_reverse_includes(name: str, world: World, client: Client) -> None:
    claims, failures = Claims(), []
    for claim in world.types[name].get("searchRevInclude", ()):
        source, _, code = claim.partition(":")
        ids = world.data[source].links.get((code, name), set())
        claims[claim] = {f"{source}/{id_}" for id_ in ids}
        if not ids and (source, code, name) not in NEVER_LINKED:
            failures.append(f"{claim}: a claim without a datum")
    for some in _apart(claims):
        pairs = [("_revinclude", claim) for claim in some]
        for id_, wanted in ((FIRST, True), (SECOND, False)):
            found = _included(client, name, id_, pairs)
            failures += [
                f"{name}/{id_} {claim}: {sorted(claims[claim] - found)} lost"
                if wanted
                else f"{name}/{id_} {claim}: {sorted(claims[claim] & found)} surplus"
                for claim in some
                if (claims[claim] - found if wanted else claims[claim] & found)
            ]
    assert not failures, "\n".join(failures)


def _apart(claims: Claims) -> Iterator[list[str]]:
    """Divide claims so that no two of a group bring the same resource."""
    groups: list[tuple[list[str], set[str]]] = []
    for claim, wanted in claims.items():
        for group, taken in groups:
            if len(group) < TOGETHER and not wanted & taken:
                break
        else:
            group, taken = [], set()
            groups.append((group, taken))
        group.append(claim)
        taken |= wanted
    return iter([group for group, _ in groups])


def _included(client: Client, name: str, id_: str, pairs: list[tuple[str, str]]) -> set[str]:
    """Search one resource and give what comes with it, as Type/id."""
    answer = client.get(f"{name}?{urlencode([('_id', id_), *pairs])}")
    assert answer.status == 200, answer.text[:300]
    return {
        f"{entry['resource']['resourceType']}/{entry['resource']['id']}"
        for entry in answer.json["entry"]
        if entry["search"]["mode"] == "include"
    }


def test_what_is_never_linked_is_claimed_and_has_no_datum(world: World) -> None:
    """The list of exceptions holds no line that is not needed."""
    for name, code, target in NEVER_LINKED:
        assert (code, target) not in world.data[name].links
        assert f"{name}:{code}" in world.types[target]["searchRevInclude"]
