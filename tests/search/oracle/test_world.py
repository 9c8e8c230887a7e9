"""Chains and `_has`: the server's answers are the naive ones.

So they are for who sees all, and for who is confined to one patient's compartment.
"""

import itertools
import os

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.store.database import Database
from fhirserver.store.search import execute
from tests.search.oracle.matcher import NOW
from tests.search.oracle.queries import Pair
from tests.search.oracle.test_agreement import AUDIT, CONTEXT, store
from tests.search.oracle.world import TYPES, World, chained, holds, visible, worlds

EXAMPLES = os.environ.get("FHIRSERVER_ORACLE_EXAMPLES")

_numbers = itertools.count(1)


def found(database: Database, kind: str, query: list[Pair], patient: str | None) -> set[str]:
    """Ids in the answer to a caller who is confined to a patient, or to nobody."""
    granted = None if patient is None else (patient,)
    plan = make_plan(parse(query, (kind,), CONTEXT), CONTEXT, lambda _type: granted)
    page = execute(database, plan, AUDIT)
    assert page.next is None
    assert page.total in (None, len(page.matches))
    return {each.id for each in page.matches}


def expected(world: World, kind: str, query: list[Pair]) -> set[str]:
    return {
        each["id"] for each in world if each["resourceType"] == kind and holds(world, each, query)
    }


@settings(
    max_examples=int(EXAMPLES or 20),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_links_agree(database: Database, data: st.DataObject) -> None:
    world = data.draw(worlds(f"w{next(_numbers)}"))
    store(database, world)
    for each in world:
        each["meta"] = {**each.get("meta", {}), "lastUpdated": NOW}
    patients = [each["id"] for each in world if each["resourceType"] == "Patient"]
    for kind in data.draw(st.lists(st.sampled_from(TYPES), min_size=8, max_size=12)):
        own = [each["id"] for each in world if each["resourceType"] == kind]
        query = [data.draw(chained(world, kind)), ("_id", ",".join(own))]
        assert found(database, kind, query, None) == expected(world, kind, query), query
        patient = data.draw(st.sampled_from(patients))
        seen = visible(world, patient)
        assert found(database, kind, query, patient) == expected(seen, kind, query), query
