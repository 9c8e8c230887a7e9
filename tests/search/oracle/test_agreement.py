"""The server's answers are the naive matcher's, for resources and queries that Hypothesis draws.

Every example is a few resources of one type and some queries on them, through extraction, the
tables and the SQL. The same examples come every time, unless FHIRSERVER_ORACLE_EXAMPLES says how
many there shall be of each type; then they are new ones.
"""

import itertools
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhirserver.definitions import r4
from fhirserver.model.instant import interval_us
from fhirserver.search.context import SearchContext
from fhirserver.search.extract import extract
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.database import Database
from fhirserver.store.search import execute
from fhirserver.store.write import Change, write
from tests.search.oracle import NOW, matches
from tests.search.oracle.pools import BASE
from tests.search.oracle.queries import queries
from tests.search.oracle.resources import TYPES, resources

EXAMPLES = os.environ.get("FHIRSERVER_ORACLE_EXAMPLES")
AUDIT = AuditRow("search-type", "oracle", "tests", "request", "127.0.0.1")
CONTEXT = SearchContext(definitions=r4(), base_url=BASE, now_us=interval_us(NOW)[0], page_size=1000)

Json = dict[str, Any]
Query = list[tuple[str, str]]


def store(database: Database, stored: list[Json]) -> None:
    """Write resources; what they refer to need not exist."""
    changes = []
    for resource in stored:
        rows = extract(resource, definitions=r4(), base_url=BASE)
        kind, identity = resource["resourceType"], resource["id"]
        changes.append(Change(kind, identity, "PUT", resource, rows))
    write(database, changes, AUDIT, integrity="off")


def found(database: Database, type_name: str, query: Query, among: set[str]) -> set[str]:
    """Ids in the server's answer to a query about some of the resources it holds."""
    pairs = [*query, ("_id", ",".join(sorted(among)))]
    plan = make_plan(parse(pairs, (type_name,), CONTEXT), CONTEXT, lambda _type: None)
    page = execute(database, plan, AUDIT)
    assert page.next is None
    return {each.id for each in page.matches}


_numbers = itertools.count(1)


@pytest.mark.parametrize("type_name", TYPES)
@settings(
    max_examples=int(EXAMPLES or 40),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a failure names one query and resource
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_the_answers_agree(database: Database, type_name: str, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(resources(type_name), min_size=1, max_size=12))
    stored = {f"r{next(_numbers)}": each for each in drawn}
    store(database, [{**resource, "id": identity} for identity, resource in stored.items()])
    for query in data.draw(st.lists(queries(type_name), min_size=1, max_size=15)):
        answer = found(database, type_name, query, set(stored))
        for identity, resource in stored.items():
            expected = matches({**resource, "id": identity}, type_name, query)
            assert (identity in answer) is expected, (query, resource)
