"""The server's answers are the naive matcher's, for resources and queries that Hypothesis draws.

Every example is a few resources of one type and some queries on them, through extraction, the
tables and the SQL. The same examples come every time, unless FHIRSERVER_ORACLE_EXAMPLES says how
many there shall be of each type; then they are new ones.
"""

import itertools
import os
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from fhirserver.definitions import r4
from fhirserver.model.instant import interval_us
from fhirserver.search.context import SearchContext
from fhirserver.search.extract import extract
from fhirserver.search.granted import everything
from fhirserver.search.parse import parse
from fhirserver.search.plan import make_plan
from fhirserver.search.terminology import ContentTerminology
from fhirserver.store.audit_row import AuditRow
from fhirserver.store.database import Database
from fhirserver.store.search import execute
from fhirserver.store.write import Change, write
from tests.search.oracle import NOW, filters, matches, orders, pools, tally
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
TAGS = "urn:example:tags"


_numbers = itertools.count(1)


def store(database: Database, stored: list[Json], at: str = NOW) -> None:
    """Write resources at an instant; what they refer to need not exist."""
    database.clock = lambda: interval_us(at)[0]
    changes = []
    for resource in stored:
        rows = extract(resource, definitions=r4(), base_url=pools.BASE)
        kind, identity = resource["resourceType"], resource["id"]
        changes.append(Change(kind, identity, "PUT", resource, rows))
    write(database, changes, AUDIT, integrity="off")


class Answer(NamedTuple):
    """Ids in their order, all pages joined, and the total that the first page told."""

    ids: list[str]
    total: int | None


def found(database: Database, type_name: str, query: Query) -> Answer:
    """Ask the server, as often as there are pages."""
    parsed = parse(query, (type_name,), CONTEXT)
    plan = make_plan(parsed, CONTEXT, everything)
    page = execute(database, plan, AUDIT)
    total, ids = page.total, [each.id for each in page.matches]
    while page.next is not None:
        plan = make_plan(parsed, CONTEXT, everything, page.next)
        page = execute(database, plan, AUDIT)
        ids += [each.id for each in page.matches]
    return Answer(ids, total)


class Stored(NamedTuple):
    """Resources of one example.

    Attributes:
        resources: by id, as they are stored.
        tag: that they and no others have.
    """

    resources: dict[str, Json]
    tag: str

    @property
    def narrowings(self) -> list[tuple[str, str]]:
        """Criteria that only they fulfil; by ids the search begins elsewhere than by a tag."""
        return [("_id", ",".join(sorted(self.resources))), ("_tag", f"{TAGS}|{self.tag}")]


def stored_by(database: Database, drawn: list[Json], at: str = NOW) -> Stored:
    """Give ids and a tag to what was drawn, and write it."""
    tag = f"t{next(_numbers)}"
    resources = {f"r{next(_numbers)}": each for each in drawn}
    for resource in drawn:
        meta = resource.setdefault("meta", {})
        meta["tag"] = [*meta.get("tag", []), {"system": TAGS, "code": tag}]
    store(database, [{**each, "id": identity} for identity, each in resources.items()], at)
    for identity, resource in resources.items():
        resource["id"] = identity
        resource["meta"]["lastUpdated"] = at
    return Stored(resources, tag)


@st.composite
def queries(draw: st.DrawFn, type_name: str, stored: list[Json]) -> Query:
    """Draw one to three parameters, most of them aimed at a resource, some joined by a comma."""
    pairs = []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 2, 3]))):
        aimed = draw(st.sampled_from(stored).flatmap(lambda each: aimed_at(type_name, each)))
        blind = draw(parameters(type_name))
        either = [blind] if aimed is None else [aimed, aimed, aimed, blind]
        if aimed is not None and aimed[0] == blind[0]:
            either.append((aimed[0], f"{aimed[1]},{blind[1]}"))
        pairs.append(draw(st.sampled_from(either)))
    return pairs


@pytest.mark.parametrize("type_name", TYPES)
@settings(
    max_examples=int(EXAMPLES or 20),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),  # a failure names one query and resource
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_the_answers_agree(database: Database, type_name: str, data: st.DataObject) -> None:
    """What is found, page by page, in which order, and the total."""
    drawn = data.draw(st.lists(resources(type_name), min_size=3, max_size=6))
    stored = stored_by(database, drawn, data.draw(st.sampled_from(pools.STORED_AT)))
    for query in data.draw(st.lists(queries(type_name, drawn), min_size=6, max_size=10)):
        order = data.draw(orders.orders(type_name))
        asked = [*query, data.draw(st.sampled_from(stored.narrowings))]
        asked += [("_sort", orders.written(order))] if order else []
        asked.append(("_count", data.draw(st.sampled_from(["1", "2", "3", "1000"]))))
        answer = found(database, type_name, asked)
        wanted = {
            identity
            for identity, resource in stored.resources.items()
            if matches(resource, type_name, query)
        }
        among = list(stored.resources.values())
        assert set(answer.ids) == wanted, (asked, among)
        assert len(answer.ids) == len(wanted) == answer.total, (asked, answer, among)
        in_order = [stored.resources[identity] for identity in answer.ids]
        assert orders.disorder(type_name, order, in_order) is None, (asked, among)
        labels = [*tally.labels(type_name, query), *(["_sort"] if order else [])]
        tally.agreed(labels, len(wanted), len(drawn))


@pytest.mark.parametrize("type_name", TYPES)
@settings(
    max_examples=int(EXAMPLES or 12),
    derandomize=EXAMPLES is None,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_filters_agree(database: Database, type_name: str, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(resources(type_name), min_size=3, max_size=6))
    stored = stored_by(database, drawn)
    for each in data.draw(st.lists(filters.filters(type_name), min_size=6, max_size=10)):
        text = filters.written(each)
        asked = [("_filter", text), data.draw(st.sampled_from(stored.narrowings))]
        answer = found(database, type_name, asked)
        for identity, resource in stored.resources.items():
            expected = filters.holds(resource, type_name, each)
            assert (identity in answer.ids) is expected, (text, resource)
        tally.agreed(["_filter"], len(answer.ids), len(drawn))


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
    assert (identity in found(database, kind, [query, ("_id", identity)]).ids) is expected


IN_SEOUL = {"resourceType": "Location", "address": {"city": "김철수"}}
COMMA = observed(code={"coding": [{"system": "urn:oid:1.2.3", "code": "c,d"}]})


@pytest.mark.parametrize(
    ("resource", "drawn", "expected"),
    [
        pytest.param(IN_SEOUL, ("address-city", "le", "山田"), False, id="syllables-are-whole"),
        pytest.param(IN_SEOUL, ("address-city", "sw", "기"), False, id="no-beginning-of-one"),
        pytest.param(IN_SEOUL, ("address-city", "sw", "김"), True, id="a-whole-one"),
        pytest.param(COMMA, ("code", "eq", "urn:oid:1.2.3|c\\,d"), True, id="escaped-comma"),
        pytest.param(COMMA, ("code", "ss", "urn:oid:1.2.3|c\\,d"), True, id="likewise-below"),
        pytest.param(COMMA, ("code", "sb", "urn:oid:1.2.3|c\\,d"), True, id="likewise-above"),
    ],
)
def test_edges_of_filters(
    database: Database, resource: Json, drawn: tuple[str, str, str], expected: bool
) -> None:
    identity = f"r{next(_numbers)}"
    kind = resource["resourceType"]
    store(database, [{**resource, "id": identity}])
    assert filters.holds(resource, kind, drawn) is expected
    query = [("_filter", filters.written(drawn)), ("_id", identity)]
    assert (identity in found(database, kind, query).ids) is expected
