"""Chains and `_has`: the server's answers are the naive ones.

So they are for who sees all, and for who is confined to one patient's compartment.
"""

import itertools
import os
from typing import NamedTuple

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhirserver.search.granted import EVERYTHING, Granted
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.store.database import Database
from fhirserver.store.search import execute
from tests.search.oracle import tally
from tests.search.oracle.matcher import NOW
from tests.search.oracle.queries import Pair
from tests.search.oracle.test_agreement import AUDIT, CONTEXT, TAGS, store
from tests.search.oracle.world import (
    COMPARTMENTS,
    LINKS,
    TYPES,
    Json,
    World,
    chained,
    holds,
    is_member,
    path_holds,
    paths,
    visible,
    worlds,
    written,
)

EXAMPLES = os.environ.get("FHIRSERVER_ORACLE_EXAMPLES")

_numbers = itertools.count(1)


class Caller(NamedTuple):
    """Who asks, and where.

    Attributes:
        patient: to whose compartment the caller is confined; None for nobody's.
        compartment: of the URL; None where it names none.
    """

    patient: str | None = None
    compartment: tuple[str, str] | None = None


def found(database: Database, kind: str, query: list[Pair], caller: Caller) -> set[str]:
    """Ids in the answer."""
    granted = EVERYTHING if caller.patient is None else (Granted((caller.patient,)),)
    parsed = parse(query, (kind,), CONTEXT, compartment=caller.compartment)
    page = execute(database, make_plan(parsed, CONTEXT, lambda _type: granted), AUDIT)
    assert page.next is None
    assert page.total in (None, len(page.matches))
    return {each.id for each in page.matches}


def seen(world: World, caller: Caller) -> World:
    """Keep what the caller may see; where it looks is no matter of what chains lead to."""
    return world if caller.patient is None else visible(world, caller.patient)


def own(world: World, kind: str, caller: Caller) -> list[Json]:
    """List the resources of a type that the caller sees where it looks."""
    place = caller.compartment
    if caller.patient and place and place[0] == "Patient" and place[1] != caller.patient:
        return []  # another patient's record is refused whole
    return [
        each
        for each in seen(world, caller)
        if each["resourceType"] == kind
        and (caller.compartment is None or is_member(each, *caller.compartment))
    ]


@st.composite
def callers(draw: st.DrawFn, world: World, kind: str) -> Caller:
    """Draw one."""
    patients = [each["id"] for each in world if each["resourceType"] == "Patient"]
    places = [
        (each["resourceType"], each["id"])
        for each in world
        if kind in COMPARTMENTS.get(each["resourceType"], ())
    ]
    return Caller(
        draw(st.one_of(st.none(), st.sampled_from(patients))),
        draw(st.one_of(st.none(), st.none(), st.sampled_from(places))),
    )


@st.composite
def stored_worlds(draw: st.DrawFn, database: Database) -> tuple[World, list[Pair]]:
    """Draw a world and store it; give criteria that all of it and nothing else fulfils."""
    name = f"w{next(_numbers)}"
    world = draw(worlds(name))
    for each in world:
        meta = each.setdefault("meta", {})
        meta["tag"] = [*meta.get("tag", []), {"system": TAGS, "code": name}]
    store(database, world)
    for each in world:
        each["meta"]["lastUpdated"] = NOW
    return world, [("_tag", f"{TAGS}|{name}"), ("_id", ",".join(each["id"] for each in world))]


@settings(
    max_examples=int(EXAMPLES or 6),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_links_agree(database: Database, data: st.DataObject) -> None:
    """Chains and `_has`, alone and together, also within a compartment."""
    world, narrowings = data.draw(stored_worlds(database))
    for kind in data.draw(st.lists(st.sampled_from(TYPES), min_size=8, max_size=12)):
        query = data.draw(st.lists(chained(world, kind), min_size=1, max_size=2))
        caller = data.draw(callers(world, kind))
        answer = found(database, kind, [*query, data.draw(st.sampled_from(narrowings))], caller)
        among, visible_to = own(world, kind, caller), seen(world, caller)
        assert answer == {each["id"] for each in among if holds(visible_to, each, query)}, query
        tally.agreed(map(_label, query), len(answer), len(among))


@settings(
    max_examples=int(EXAMPLES or 6),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_filters_along_links_agree(database: Database, data: st.DataObject) -> None:
    world, narrowings = data.draw(stored_worlds(database))
    linked = sorted({source for source, _ in LINKS})
    for kind in data.draw(st.lists(st.sampled_from(linked), min_size=8, max_size=12)):
        path, caller = data.draw(paths(kind)), data.draw(callers(world, kind))
        query = [("_filter", written(path)), data.draw(st.sampled_from(narrowings))]
        answer = found(database, kind, query, caller)
        among, visible_to = own(world, kind, caller), seen(world, caller)
        wanted = {each["id"] for each in among if path_holds(visible_to, each, path)}
        assert answer == wanted, query
        tally.agreed(["_filter path"], len(answer), len(among))


def _label(pair: Pair) -> str:
    return "_has" if "_has:" in pair[0] else "chain"
