"""The server's answers are the naive matcher's, for resources and queries that Hypothesis draws.

Every example is a few resources of one type and some queries on them, through extraction, the
tables and the SQL. The same examples come every time, unless FHIRSERVER_ORACLE_EXAMPLES says how
many there shall be of each type; then they are new ones.
"""

import itertools
import os
from decimal import Decimal
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
from fhirserver.search.terminology import ContentTerminology
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.database import Database
from fhirserver.store.search import execute
from fhirserver.store.write import Change, write
from tests.search.oracle import NOW, filters, matches, pools
from tests.search.oracle.aimed import aimed_at
from tests.search.oracle.hierarchies import Content, Parts
from tests.search.oracle.queries import parameters
from tests.search.oracle.resources import TYPES, resources

EXAMPLES = os.environ.get("FHIRSERVER_ORACLE_EXAMPLES")
AUDIT = AuditRow("search-type", "oracle", "tests", "request", "127.0.0.1")
CONTEXT = SearchContext(
    definitions=r4(),
    base_url=pools.BASE,
    now_us=interval_us(NOW)[0],
    page_size=1000,
    terminology=ContentTerminology(Content()),
    hierarchies=Parts(),
)

Json = dict[str, Any]
Query = list[tuple[str, str]]


def store(database: Database, stored: list[Json], at: str = NOW) -> None:
    """Write resources at an instant; what they refer to need not exist."""
    database.clock = lambda: interval_us(at)[0]
    changes = []
    for resource in stored:
        rows = extract(resource, definitions=r4(), base_url=pools.BASE)
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


@st.composite
def queries(draw: st.DrawFn, type_name: str, stored: list[Json]) -> Query:
    """Draw one or two parameters, most of them aimed at a resource, some joined by a comma."""
    pairs = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        aimed = draw(st.sampled_from(stored).flatmap(lambda each: aimed_at(type_name, each)))
        blind = draw(parameters(type_name))
        either = [blind] if aimed is None else [aimed, aimed, aimed, blind]
        if aimed is not None and aimed[0] == blind[0]:
            either.append((aimed[0], f"{aimed[1]},{blind[1]}"))
        pairs.append(draw(st.sampled_from(either)))
    return pairs


_numbers = itertools.count(1)


@pytest.mark.parametrize("type_name", TYPES)
@settings(
    max_examples=int(EXAMPLES or 50),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a failure names one query and resource
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_the_answers_agree(database: Database, type_name: str, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(resources(type_name), min_size=3, max_size=6))
    stored = {f"r{next(_numbers)}": each for each in drawn}
    stored_at = data.draw(st.sampled_from(pools.STORED_AT))
    store(
        database, [{**resource, "id": identity} for identity, resource in stored.items()], stored_at
    )
    for resource in drawn:
        resource["meta"] = {**resource.get("meta", {}), "lastUpdated": stored_at}
    for query in data.draw(st.lists(queries(type_name, drawn), min_size=6, max_size=10)):
        answer = found(database, type_name, query, set(stored))
        for identity, resource in stored.items():
            expected = matches({**resource, "id": identity}, type_name, query)
            assert (identity in answer) is expected, (query, resource)


@pytest.mark.parametrize("type_name", TYPES)
@settings(
    max_examples=int(EXAMPLES or 30),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_filters_agree(database: Database, type_name: str, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(resources(type_name), min_size=3, max_size=6))
    stored = {f"r{next(_numbers)}": each for each in drawn}
    store(database, [{**resource, "id": identity} for identity, resource in stored.items()])
    for resource in drawn:
        resource["meta"] = {**resource.get("meta", {}), "lastUpdated": NOW}
    for each in data.draw(st.lists(filters.filters(type_name), min_size=6, max_size=10)):
        text = filters.written(each)
        answer = found(database, type_name, [("_filter", text)], set(stored))
        for identity, resource in stored.items():
            expected = filters.holds({**resource, "id": identity}, type_name, each)
            assert (identity in answer) is expected, (text, resource)


UCUM = "http://unitsofmeasure.org"


def observed(**elements: Any) -> Json:
    return {"resourceType": "Observation", **elements}


def weighing(value: int, comparator: str) -> Json:
    unit = {"system": UCUM, "code": "mg"}
    return observed(valueQuantity={"value": value, "comparator": comparator, **unit})


def during(start: str, end: str) -> Json:
    return {"resourceType": "Encounter", "period": {"start": start, "end": end}}


LOGICAL = {"type": "Patient", "identifier": {"system": "http://mrn", "value": "7"}}
AT_TEN = "2013-03-14T10:00:00Z"
BEFORE_TEN = "2013-03-14T09:59:59Z"


@pytest.mark.parametrize(
    ("resource", "query", "expected"),
    [
        pytest.param(weighing(5, "<"), ("value-quantity", "ge5"), False, id="less-is-not-equal"),
        pytest.param(weighing(5, "<="), ("value-quantity", "ge5"), True, id="at-most-may-be"),
        pytest.param(weighing(5, ">"), ("value-quantity", "sa5"), True, id="more-starts-after"),
        pytest.param(weighing(5, ">="), ("value-quantity", "sa5"), False, id="at-least-does-not"),
        pytest.param(
            weighing(5, "<"), ("value-quantity", f"ge0.005|{UCUM}|g"), False, id="less-in-grams"
        ),
        pytest.param(weighing(5, "<"), ("value-quantity", "5"), False, id="open-is-never-equal"),
        pytest.param(
            observed(effectiveInstant=AT_TEN), ("date", "2013-03-14T10:00:00.0Z"), True,
            id="an-instant-is-a-point",
        ),
        pytest.param(
            observed(effectiveDateTime=AT_TEN), ("date", "2013-03-14T10:00:00.0Z"), False,
            id="a-dateTime-is-a-second",
        ),
        pytest.param(
            during("2013-03-14", BEFORE_TEN), ("date", f"eb{AT_TEN}"), True, id="ends-just-before"
        ),
        pytest.param(
            during("2013-03-14", AT_TEN), ("date", f"eb{AT_TEN}"), False, id="ends-within"
        ),
        pytest.param(
            during("2013-03-14", "2013-03-15"), ("date", "2013-03"), True, id="days-in-a-month"
        ),
        pytest.param(
            during("2013-03-14", "2013-04-01"), ("date", "2013-03"), False, id="a-day-too-many"
        ),
        pytest.param(
            observed(subject=LOGICAL), ("subject:identifier", "http://mrn|7"), True, id="logical"
        ),
        pytest.param(observed(subject=LOGICAL), ("subject", "7"), False, id="logical-is-no-id"),
        pytest.param(observed(subject=LOGICAL), ("patient:missing", "true"), False, id="there"),
        pytest.param(
            observed(subject={"reference": "Group/7"}), ("patient:missing", "true"), True,
            id="no-patient",
        ),
        pytest.param(
            {"resourceType": "ChargeItem", "factorOverride": Decimal(f"3.{'14159' * 7}")},
            ("factor-override", f"sa3.{'14159' * 7}"), False, id="more-digits-than-28",
        ),
        pytest.param(
            {"resourceType": "ChargeItem", "factorOverride": Decimal(f"3.{'14159' * 7}")},
            ("factor-override", f"3.{'14159' * 7}"), True, id="equal-in-36-digits",
        ),
        pytest.param(
            {"resourceType": "ValueSet", "url": "http://acme.org/vs/1"},
            ("url:above", "urn:x:1,http://acme.org/vs/1/2"), True, id="above-one-of-several",
        ),
        pytest.param(
            {"resourceType": "ValueSet", "url": "urn:x"}, ("url:above", "urn:x:1,http://a"), False,
            id="urns-have-no-above",
        ),
        pytest.param(
            {"resourceType": "Patient", "name": [{"family": "x" * 250 + "a"}]},
            ("family", "x" * 250 + "b"), False, id="beyond-what-the-index-holds",
        ),
        pytest.param(
            {"resourceType": "Patient", "identifier": [{"value": "y" * 1200 + "a"}]},
            ("identifier", "y" * 1200 + "b"), False, id="beyond-what-a-key-holds",
        ),
        pytest.param(
            {"resourceType": "Patient", "identifier": [{"value": "y" * 1200 + "a"}]},
            ("identifier", "y" * 1200 + "a"), True, id="a-long-key-is-found",
        ),
    ],
)  # fmt: skip
def test_edges(database: Database, resource: Json, query: tuple[str, str], expected: bool) -> None:
    """What drawing meets too rarely; matcher and server both say what is expected."""
    identity = f"r{next(_numbers)}"
    kind = resource["resourceType"]
    store(database, [{**resource, "id": identity}])
    assert matches({**resource, "id": identity}, kind, [query]) is expected
    assert (identity in found(database, kind, [query], {identity})) is expected
