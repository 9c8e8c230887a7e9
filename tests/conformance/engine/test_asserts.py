"""Each kind of assert and each operator holds when it should, and is broken when it should be.

Every row is one assert, an answer by which it holds, and an answer by which it does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from fhirserver_conformance.engine.asserts import JUDGES
from fhirserver_conformance.engine.asserts.response import STATUSES
from fhirserver_conformance.engine.settings import FhirPathName
from fhirserver_conformance.script.model import Assert, Fixture, Operation
from tests.conformance.engine.runs import JSON, only_test, run, script, settings
from tests.conformance.lying_server import LyingServer, Received, Wire, answer, lying_server

XML = {"Content-Type": "application/fhir+xml; charset=utf-8"}


def _patient(**members: Any) -> bytes:
    return answer(200, json.dumps({"resourceType": "Patient", "id": "p", **members}).encode(), JSON)


def _bundle(*relations: str, **members: Any) -> bytes:
    links = [{"relation": relation, "url": "http://x"} for relation in relations]
    bundle = {"resourceType": "Bundle", "type": "searchset", "link": links, **members}
    return answer(200, json.dumps(bundle).encode(), JSON)


def _xml(family: str) -> bytes:
    body = f'<Patient xmlns="http://hl7.org/fhir"><name><family value="{family}"/></name></Patient>'
    return answer(200, body.encode(), XML)


def _observation(value: str) -> bytes:
    body = f'{{"resourceType":"Observation","valueQuantity":{{"value":{value}}}}}'
    return answer(200, body.encode(), JSON)


CHALMERS = _patient(name=[{"family": "Chalmers", "given": ["Peter", "James"]}])
WINDSOR = _patient(name=[{"family": "Windsor", "given": ["Jim"]}])
NAMELESS = _patient()
FIXTURE = json.dumps(
    {
        "resourceType": "Patient",
        "id": "other",
        "meta": {"versionId": "9"},
        "name": [{"given": ["James"]}],
        "multipleBirthInteger": 2,
    }
).encode()
AT_LEAST = _patient(
    name=[{"family": "Windsor"}, {"family": "Chalmers", "given": ["Peter", "James"]}],
    multipleBirthInteger=2,
    active=True,
)
LESS = _patient(name=[{"given": ["Peter"]}], multipleBirthInteger=2)
SAME_NAME = _patient(name=[{"given": ["James"]}])
TAGGED = answer(200, b"{}", {"ETag": 'W/"1"', "Last-Modified": "now"})
UNTAGGED = answer(200, b"{}")


def _row(id: str, holds: bytes, breaks: bytes, **members: Any) -> Any:
    return pytest.param(Assert(**members), holds, breaks, id=id)


def _family(id: str, holds: bytes, breaks: bytes, **members: Any) -> list[Any]:
    """Give a row for each way to look at a family name."""
    ways = {
        "expression": {"expression": "Patient.name.family"},
        "xpath": {"path": "Patient/name/family"},
        "prefixed": {"path": "fhir:Patient/fhir:name/fhir:family/@value"},
        "jsonpath": {"path": "$.name[*].family"},
        "header": {"header_field": "X-Family"},
    }
    return [_row(f"{kind}-{id}", holds, breaks, **way, **members) for kind, way in ways.items()]


def _named(family: str | None) -> bytes:
    body: dict[str, Any] = {"resourceType": "Patient"}
    if family is not None:
        body["name"] = [{"family": family}]
    headers = JSON if family is None else {**JSON, "X-Family": family}
    return answer(200, json.dumps(body).encode(), headers)


OPERATORS = [
    *_family("equals", _named("Chalmers"), _named("Windsor"), operator="equals", value="Chalmers"),
    *_family("equals-default", _named("Chalmers"), _named(None), value="Chalmers"),
    *_family(
        "not-equals", _named("Windsor"), _named("Chalmers"), operator="notEquals", value="Chalmers"
    ),
    *_family("in", _named("b"), _named("c"), operator="in", value="a, b"),
    *_family("not-in", _named("c"), _named("b"), operator="notIn", value="a,b"),
    *_family("greater", _named("10"), _named("9"), operator="greaterThan", value="9"),
    *_family("less", _named("9.5"), _named("10"), operator="lessThan", value="10"),
    *_family(
        "later", _named("2020-02"), _named("2019-12"), operator="greaterThan", value="2020-01"
    ),
    *_family("earlier", _named("2019"), _named("2021"), operator="lessThan", value="2020"),
    *_family("empty", _named(None), _named("x"), operator="empty"),
    *_family("not-empty", _named("x"), _named(None), operator="notEmpty"),
    *_family("contains", _named("Chalmers"), _named("Windsor"), operator="contains", value="halm"),
    *_family(
        "not-contains", _named("Windsor"), _named("Chalmers"), operator="notContains", value="halm"
    ),
    *_family("regex", _named("A12"), _named("AB2"), operator="matchesRegex", value="^A[0-9]+$"),
]

KINDS = [
    *(
        _row(f"response-{name}", answer(status), answer(418), response=name)
        for name, status in STATUSES.items()
    ),
    _row("response-not-equals", answer(500), answer(200), response="okay", operator="notEquals"),
    _row("response-code", answer(202), answer(200), response_code="202"),
    _row("response-code-list", answer(201), answer(202), response_code="200,201"),
    _row("response-code-in", answer(201), answer(202), response_code="200,201", operator="in"),
    _row(
        "response-code-not-in", answer(202), answer(201), response_code="200,201", operator="notIn"
    ),
    _row("response-code-less", answer(399), answer(400), response_code="400", operator="lessThan"),
    _row("resource", CHALMERS, _bundle(), resource="Patient"),
    _row("resource-xml", _xml("x"), answer(200, b"<a/>", XML), resource="Patient"),
    _row("resource-none", CHALMERS, answer(200, b"not a resource"), resource="Patient"),
    _row("resource-not", _bundle(), CHALMERS, resource="Patient", operator="notEquals"),
    _row("content-type-json", CHALMERS, _xml("x"), content_type="json"),
    _row("content-type-xml", _xml("x"), CHALMERS, content_type="xml"),
    _row("content-type-none", CHALMERS, answer(200, b"{}"), content_type="json"),
    _row("content-type-mime", CHALMERS, _xml("x"), content_type="application/fhir+json"),
    _row(
        "content-type-parameter",
        answer(200, b"", {"Content-Type": "application/fhir+json; FHIRVersion=4.0"}),
        CHALMERS,
        content_type="application/fhir+json;fhirVersion=4.0",
    ),
    _row("content-type-not", _xml("x"), CHALMERS, content_type="json", operator="notEquals"),
    _row("content-type-contains", _xml("x"), CHALMERS, content_type="xml;", operator="contains"),
    _row(
        "header-mime-class",
        _xml("x"),
        CHALMERS,
        header_field="content-type",
        operator="matchesMimeClass",
        value="xml",
    ),
    _row("header-there", TAGGED, UNTAGGED, header_field="etag"),
    _row(
        "header-twice",
        answer(200, b"", {"X": "a", "x": "b"}),
        UNTAGGED,
        header_field="X",
        value="a, b",
    ),
    _row("condition", CHALMERS, WINDSOR, expression="Patient.name.family = 'Chalmers'"),
    _row(
        "condition-eval", CHALMERS, WINDSOR, expression="name.family = 'Chalmers'", operator="eval"
    ),
    _row("condition-items", CHALMERS, NAMELESS, expression="Patient.name.where(family.exists())"),
    _row("condition-empty", CHALMERS, NAMELESS, expression="name.family = 'Chalmers'"),
    _row("expression-on-xml", _xml("x"), _xml("y"), expression="Patient.name.family", value="x"),
    _row("expression-any", CHALMERS, WINDSOR, expression="name.given", value="James"),
    _row(
        "expression-none",
        WINDSOR,
        CHALMERS,
        expression="name.given",
        operator="notEquals",
        value="James",
    ),
    _row(
        "expression-boolean",
        _patient(active=True),
        _patient(active=False),
        expression="active",
        value="true",
    ),
    _row(
        "number-by-worth",
        _observation("1.50"),
        _observation("1.51"),
        expression="Observation.value.value",
        value="1.5",
    ),
    _row(
        "number-order",
        _observation("10"),
        _observation("9"),
        expression="Observation.value.value",
        operator="greaterThan",
        value="9.9",
    ),
    _row("path-there", CHALMERS, NAMELESS, path="Patient/name"),
    _row("path-bare", _patient(), _patient(id="q"), path="id", value="p"),
    _row(
        "path-dotted",
        _patient(meta={"versionId": "1"}),
        _patient(),
        path="meta.versionId",
        value="1",
    ),
    _row("path-leading-dot", CHALMERS, WINDSOR, path=".name[0].given[0]", value="Peter"),
    _row("path-count", CHALMERS, WINDSOR, path="count(Patient/name/given)", value="2"),
    _row("path-absolute", _bundle(total=3), _bundle(total=2), path="/Bundle/total", value="3"),
    _row("path-on-xml", _xml("x"), _xml("y"), path="$.name[0].family", value="x"),
    _row(
        "compare-expression",
        SAME_NAME,
        WINDSOR,
        compare_to_source_id="f",
        compare_to_source_expression="name.given",
        expression="Patient.name.given",
    ),
    _row(
        "compare-one-expression",
        SAME_NAME,
        WINDSOR,
        compare_to_source_id="f",
        compare_to_source_expression="Patient.name.given",
    ),
    _row(
        "compare-path",
        SAME_NAME,
        WINDSOR,
        compare_to_source_id="f",
        compare_to_source_path="Patient/name/given",
        path="Patient/name/given",
    ),
    _row("compare-whole", answer(200, FIXTURE, JSON), SAME_NAME, compare_to_source_id="f"),
    _row(
        "compare-not-equals",
        WINDSOR,
        SAME_NAME,
        compare_to_source_id="f",
        expression="name.given",
        operator="notEquals",
    ),
    _row(
        "compare-contains",
        CHALMERS,
        WINDSOR,
        compare_to_source_id="f",
        expression="name.given",
        operator="contains",
    ),
    _row(
        "compare-not-contains",
        WINDSOR,
        CHALMERS,
        compare_to_source_id="f",
        expression="name.given",
        operator="notContains",
    ),
    _row(
        "compare-in",
        SAME_NAME,
        CHALMERS,
        compare_to_source_id="f",
        expression="name.given",
        operator="in",
    ),
    _row(
        "compare-not-in",
        CHALMERS,
        SAME_NAME,
        compare_to_source_id="f",
        expression="name.given",
        operator="notIn",
    ),
    _row(
        "compare-greater",
        _patient(multipleBirthInteger=3),
        _patient(multipleBirthInteger=2),
        compare_to_source_id="f",
        expression="Patient.multipleBirth",
        operator="greaterThan",
    ),
    _row("minimum", AT_LEAST, LESS, minimum_id="f"),
    _row("minimum-number", AT_LEAST, SAME_NAME, minimum_id="f"),
    _row(
        "minimum-in-bundle",
        _bundle(entry=[{}, {"resource": json.loads(FIXTURE)}]),
        _bundle(entry=[{}]),
        minimum_id="f",
    ),
    _row(
        "navigation-links",
        _bundle("first", "next", "last"),
        _bundle("first", "last"),
        navigation_links=True,
    ),
    _row(
        "navigation-links-none", _bundle("first", "next", "last"), CHALMERS, navigation_links=True
    ),
    _row(
        "profile-base", _patient(gender="male"), _patient(gender="x"), validate_profile_id="patient"
    ),
    _row("profile-other-type", _patient(), _bundle(), validate_profile_id="patient"),
    _row("body", answer(200, b"a needle"), answer(200, b"hay"), response_body="needle"),
    _row(
        "body-regex",
        answer(200, b"n12"),
        answer(200, b"n"),
        response_body=r"n\d+",
        operator="matchesRegex",
    ),
    _row(
        "body-not",
        answer(200, b"hay"),
        answer(200, b"a needle"),
        response_body="needle",
        operator="notContains",
    ),
]


@pytest.fixture(scope="module")
def server() -> Iterator[LyingServer]:
    """Answers by the row's number: /fhir/holds/3 or /fhir/breaks/3."""

    def say(request: Received, wire: Wire) -> None:
        _, _, column, number = request.target.split("/")
        _, holds, breaks = [*OPERATORS, *KINDS][int(number)].values
        wire.send(holds if column == "holds" else breaks)

    with lying_server(say) as running:
        yield running


@pytest.mark.parametrize("engine", ["own", "fhirpathpy"])
@pytest.mark.parametrize(
    "number", range(len(OPERATORS) + len(KINDS)), ids=[row.id for row in [*OPERATORS, *KINDS]]
)
def test_an_assert_holds_when_it_should_and_breaks_when_it_should(
    server: LyingServer, number: int, engine: FhirPathName
) -> None:
    assertion = [*OPERATORS, *KINDS][number].values[0]
    found = {}
    for column in ("holds", "breaks"):
        one = script(
            Operation(url=f"{column}/{number}"),
            assertion,
            fixtures=(Fixture(id="f", body=FIXTURE),),
            profiles=(("patient", "http://hl7.org/fhir/StructureDefinition/Patient"),),
        )
        test = only_test(run(one, settings(server.origin, fhirpath=engine)))
        found[column] = (test.verdict, test.message)
    assert found["holds"] == ("pass", "")
    assert found["breaks"][0] == "fail", found["breaks"]
    assert found["breaks"][1]


def test_every_kind_of_assert_stands_in_the_table() -> None:
    rows = [row.values[0] for row in [*OPERATORS, *KINDS]]
    seen = {name for row in rows for name in JUDGES if getattr(row, name)}
    assert seen == set(JUDGES) - {"request_method", "request_url"}


REQUESTS = [
    pytest.param(Assert(request_method="get"), "pass", id="method"),
    pytest.param(Assert(request_method="post"), "fail", id="method-other"),
    pytest.param(Assert(request_url="/a?b=c d"), "pass", id="url-below-base"),
    pytest.param(Assert(request_url="/a?b=c"), "fail", id="url-other"),
    pytest.param(Assert(request_url="b=c", operator="contains"), "pass", id="url-contains"),
    pytest.param(Assert(request_url="x", operator="contains"), "fail", id="url-contains-not"),
    pytest.param(
        Assert(header_field="Accept", value="text/turtle", direction="request"), "pass", id="header"
    ),
    pytest.param(
        Assert(header_field="Accept", value="json", direction="request"), "fail", id="header-other"
    ),
]


@pytest.mark.parametrize(("assertion", "verdict"), REQUESTS)
def test_a_request_is_judged_as_it_was_sent(assertion: Assert, verdict: str) -> None:
    with lying_server(lambda _request, wire: wire.send(answer(200))) as server:
        one = script(Operation(url="a?b=c d", accept="ttl"), assertion)
        assert only_test(run(one, settings(server.origin))).verdict == verdict


def test_a_request_body_is_judged_where_the_direction_is_request() -> None:
    operation = Operation(code="create", source_id="f")
    asserts = [
        Assert(expression="Patient.multipleBirth", value="2", direction="request"),
        Assert(resource="Patient", direction="request"),
        Assert(content_type="json", direction="request"),
        Assert(path="Patient/name/given", value="Jim", direction="request"),
    ]
    with lying_server(lambda _request, wire: wire.send(answer(200, b"{}"))) as server:
        one = script(operation, *asserts, fixtures=(Fixture(id="f", body=FIXTURE),))
        test = only_test(run(one, settings(server.origin)))
    assert [action.verdict for action in test.actions] == ["pass", "pass", "pass", "pass", "fail"]
