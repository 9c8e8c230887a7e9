"""Tests of what comes with what is found: includes, reverse includes, compartments.

Spec: https://hl7.org/fhir/R4/search.html#include and
https://hl7.org/fhir/R4/compartmentdefinition.html

The resources are those of the type that refers: its reverse includes are searches of the types
that it refers to.
"""

from collections.abc import Iterator
from urllib.parse import quote

from fhirserver.definitions import r4
from fhirserver_conformance.examples.minimal import BARE, FIRST, SECOND, own_id
from fhirserver_conformance.suites.matching import Shown, found_and_absent
from fhirserver_conformance.suites.testscript import Json, expect_okay, operation, test
from fhirserver_conformance.suites.world import World

Links = dict[str, set[str]]
"""By code of a parameter: names of resources that refer to a type's FIRST."""


def link_tests(world: World) -> Iterator[Shown]:
    """Give all tests of a type's links."""
    yield from _includes(world)
    yield from _reverse_includes(world)
    yield from _compartments(world)


def _links(world: World) -> dict[str, Links]:
    """Give what is stored of the type's links, by target."""
    found: dict[str, Links] = {}
    for (code, target), names in sorted(world.data.links.items()):
        stored = names & world.stored
        if stored:
            found.setdefault(target, {})[code] = stored
    return found


def _includes(world: World) -> Iterator[Shown]:
    name, links = world.data.type, _links(world)
    for claim in world.statement.offers[name].lists("searchInclude"):
        code = claim.partition(":")[2]
        pairs = [
            (target, min(names))
            for target, by_code in links.items()
            for each, names in by_code.items()
            if claim == "*" or each == code
        ]
        actions: list[Json] = []
        for target, source in pairs[:2]:
            actions += _include(world, claim, source, target)
        if claim == "*" and not pairs:
            actions += _nothing_to_include(world)
        if actions:
            line = f"{name}?_include={claim}"
            said = "What is referred to comes, and nothing of its type beside it."
            yield test(line, said, ("STO-13", "SEA-08"), actions), frozenset({line})


def _include(world: World, claim: str, source: str, target: str) -> Iterator[Json]:
    query = f"?{world.query_of(source)}&_include={quote(claim, safe=':*')}"
    yield operation("search", {"resource": world.data.type, "params": query})
    yield expect_okay()
    # Of its own type the one that was asked for comes too.
    yield from found_and_absent(world, target, [own_id(target, FIRST)], [own_id(target, SECOND)])


def _nothing_to_include(world: World) -> Iterator[Json]:
    """Ask a type that refers to nothing for all that it refers to."""
    name, first = world.data.type, own_id(world.data.type, FIRST)
    params = f"?{world.query_of(first)}&_include=*"
    yield operation("search", {"resource": name, "params": params})
    yield expect_okay()
    yield from found_and_absent(world, name, [first], [own_id(name, SECOND)])


def _reverse_includes(world: World) -> Iterator[Shown]:
    name = world.data.type
    for target, links in _links(world).items():
        offer = world.statement.offers[target]
        claimed = set(offer.lists("searchRevInclude")) if _is_searched(world, target) else set()
        codes = [code for code in links if {f"{name}:{code}", "*"} & claimed]
        actions: list[Json] = []
        for some in _apart(links, codes):
            actions += _reverse(world, target, some)
        if actions:
            said = "What refers to it comes, and what refers to another does not."
            shown = frozenset(f"{target}?_revinclude={name}:{code}" for code in codes)
            line = f"{target}?_revinclude={name}"
            yield test(line, said, ("STO-13", "SEA-08"), actions), shown


def _is_searched(world: World, target: str) -> bool:
    offer = world.statement.offers[target]
    return "search-type" in offer.interactions and "_id" in offer.parameters


def _apart(links: Links, codes: list[str]) -> Iterator[Links]:
    """Divide codes so that no two of a group bring the same resource."""
    groups: list[Links] = []
    for code in codes:
        for group in groups:
            if not any(links[code] & taken for taken in group.values()):
                group[code] = links[code]
                break
        else:
            groups.append({code: links[code]})
    return iter(groups)


def _reverse(world: World, target: str, links: Links) -> Iterator[Json]:
    """Ask for what refers to FIRST; to SECOND, where something does."""
    name = world.data.type
    linked = set().union(*links.values())
    strangers = {world.data.strangers[code] for code in links} & world.stored
    asked = "".join(f"&_revinclude={name}:{code}" for code in links)
    for which, found, absent in ((FIRST, linked, strangers - linked), (SECOND, set(), linked)):
        id_ = own_id(target, which)
        if not any(item.name == id_ for item in world.early):
            continue
        query = f"?{world.query_of(id_)}{asked}"
        yield operation("search", {"resource": target, "params": query})
        yield expect_okay()
        yield from found_and_absent(world, name, found, absent)


def _compartments(world: World) -> Iterator[Shown]:
    name, links = world.data.type, _links(world)
    for owner in world.statement.compartments:
        codes = r4().compartment(owner).get(name, ())
        inside: set[str] = set()
        for code in codes:
            # "{def}" stands for the owner itself.
            own = {own_id(name, FIRST)} if code == "{def}" else set()
            inside |= own or links.get(owner, {}).get(code, set())
        strangers = {world.data.strangers[code] for code in codes if code in world.data.strangers}
        outside = ({own_id(name, BARE)} | strangers) & world.stored - inside
        if not inside:
            continue
        actions = list(_compartment(world, owner, inside, outside))
        line = f"{owner}/*/{name}"
        said = "It holds what refers to its owner, and not what refers to another."
        yield test(line, said, ("STO-13", "STO-15"), actions), frozenset({line})


def _compartment(world: World, owner: str, inside: set[str], outside: set[str]) -> Iterator[Json]:
    name = world.data.type
    first = world.written(own_id(owner, FIRST))
    params = f"/{first}/{name}?{world.narrowing(inside | outside)}"
    yield operation("search", {"resource": owner, "params": params})
    yield expect_okay()
    yield from found_and_absent(world, name, inside, outside)
