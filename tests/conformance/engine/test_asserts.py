"""Each kind of assert holds when it should, and breaks when it should."""

from __future__ import annotations

import json

import pytest

from fhirserver_conformance.engine.asserts import JUDGES
from fhirserver_conformance.engine.asserts.response import STATUSES
from fhirserver_conformance.engine.settings import FhirPathName
from fhirserver_conformance.script.model import Assert, Fixture, Operation
from tests.conformance.engine.judging import (
    AT_LEAST,
    CHALMERS,
    FIXTURE,
    LESS,
    NAMELESS,
    SAME_NAME,
    TAGGED,
    UNTAGGED,
    WINDSOR,
    XML,
    bundle,
    check_both_columns,
    observation,
    patient,
    row,
    xml,
)
from tests.conformance.engine.runs import JSON, only_test, run, script, settings
from tests.conformance.lying_server import answer, lying_server

KINDS = [
    *(
        row(f"response-{name}", answer(status), answer(418), response=name)
        for name, status in STATUSES.items()
    ),
    row("response-not-equals", answer(500), answer(200), response="okay", operator="notEquals"),
    row("response-code", answer(202), answer(200), response_code="202"),
    row("response-code-list", answer(201), answer(202), response_code="200,201"),
    row("response-code-in", answer(201), answer(202), response_code="200,201", operator="in"),
    row(
        "response-code-not-in", answer(202), answer(201), response_code="200,201", operator="notIn"
    ),
    row("response-code-less", answer(399), answer(400), response_code="400", operator="lessThan"),
    row("resource", CHALMERS, bundle(), resource="Patient"),
    row("resource-xml", xml("x"), answer(200, b"<a/>", XML), resource="Patient"),
    row("resource-none", CHALMERS, answer(200, b"not a resource"), resource="Patient"),
    row("resource-not", bundle(), CHALMERS, resource="Patient", operator="notEquals"),
    row("content-type-json", CHALMERS, xml("x"), content_type="json"),
    row("content-type-xml", xml("x"), CHALMERS, content_type="xml"),
    row("content-type-none", CHALMERS, answer(200, b"{}"), content_type="json"),
    row("content-type-mime", CHALMERS, xml("x"), content_type="application/fhir+json"),
    row(
        "content-type-parameter",
        answer(200, b"", {"Content-Type": "application/fhir+json; FHIRVersion=4.0"}),
        CHALMERS,
        content_type="application/fhir+json;fhirVersion=4.0",
    ),
    row("content-type-not", xml("x"), CHALMERS, content_type="json", operator="notEquals"),
    row("content-type-contains", xml("x"), CHALMERS, content_type="xml;", operator="contains"),
    row(
        "header-mime-class",
        xml("x"),
        CHALMERS,
        header_field="content-type",
        operator="matchesMimeClass",
        value="xml",
    ),
    row("header-there", TAGGED, UNTAGGED, header_field="etag"),
    row(
        "header-twice",
        answer(200, b"", {"X": "a", "x": "b"}),
        UNTAGGED,
        header_field="X",
        value="a, b",
    ),
    row("condition", CHALMERS, WINDSOR, expression="Patient.name.family = 'Chalmers'"),
    row(
        "condition-eval", CHALMERS, WINDSOR, expression="name.family = 'Chalmers'", operator="eval"
    ),
    row("condition-items", CHALMERS, NAMELESS, expression="Patient.name.where(family.exists())"),
    row("condition-empty", CHALMERS, NAMELESS, expression="name.family = 'Chalmers'"),
    row("expression-on-xml", xml("x"), xml("y"), expression="Patient.name.family", value="x"),
    row("expression-any", CHALMERS, WINDSOR, expression="name.given", value="James"),
    row(
        "expression-none",
        WINDSOR,
        CHALMERS,
        expression="name.given",
        operator="notEquals",
        value="James",
    ),
    row(
        "expression-boolean",
        patient(active=True),
        patient(active=False),
        expression="active",
        value="true",
    ),
    row(
        "number-by-worth",
        observation("1.50"),
        observation("1.51"),
        expression="Observation.value.value",
        value="1.5",
    ),
    row(
        "number-order",
        observation("10"),
        observation("9"),
        expression="Observation.value.value",
        operator="greaterThan",
        value="9.9",
    ),
    row(
        "instants-by-offset",
        patient(meta={"lastUpdated": "2020-01-01T00:30:00+02:00"}),
        patient(meta={"lastUpdated": "2020-01-01T00:30:00-02:00"}),
        expression="meta.lastUpdated",
        operator="lessThan",
        value="2020-01-01T00:00:00Z",
    ),
    row("path-there", CHALMERS, NAMELESS, path="Patient/name"),
    row("path-bare", patient(), patient(id="q"), path="id", value="p"),
    row(
        "path-dotted",
        patient(meta={"versionId": "1"}),
        patient(),
        path="meta.versionId",
        value="1",
    ),
    row("path-leading-dot", CHALMERS, WINDSOR, path=".name[0].given[0]", value="Peter"),
    row("path-count", CHALMERS, WINDSOR, path="count(Patient/name/given)", value="2"),
    row("path-absolute", bundle(total=3), bundle(total=2), path="/Bundle/total", value="3"),
    row("path-on-xml", xml("x"), xml("y"), path="$.name[0].family", value="x"),
    row(
        "compare-expression",
        SAME_NAME,
        WINDSOR,
        compare_to_source_id="f",
        compare_to_source_expression="name.given",
        expression="Patient.name.given",
    ),
    row(
        "compare-one-expression",
        SAME_NAME,
        WINDSOR,
        compare_to_source_id="f",
        compare_to_source_expression="Patient.name.given",
    ),
    row(
        "compare-path",
        SAME_NAME,
        WINDSOR,
        compare_to_source_id="f",
        compare_to_source_path="Patient/name/given",
        path="Patient/name/given",
    ),
    row("compare-whole", answer(200, FIXTURE, JSON), SAME_NAME, compare_to_source_id="f"),
    row(
        "compare-not-where-there-is-a-value",
        CHALMERS,
        WINDSOR,
        compare_to_source_id="f",
        compare_to_source_expression="Patient.name.given",
        expression="Patient.name.family",
        value="Chalmers",
    ),
    row(
        "compare-not-equals",
        WINDSOR,
        SAME_NAME,
        compare_to_source_id="f",
        expression="name.given",
        operator="notEquals",
    ),
    row(
        "compare-contains",
        CHALMERS,
        WINDSOR,
        compare_to_source_id="f",
        expression="name.given",
        operator="contains",
    ),
    row(
        "compare-not-contains",
        WINDSOR,
        CHALMERS,
        compare_to_source_id="f",
        expression="name.given",
        operator="notContains",
    ),
    row(
        "compare-in",
        SAME_NAME,
        CHALMERS,
        compare_to_source_id="f",
        expression="name.given",
        operator="in",
    ),
    row(
        "compare-not-in",
        CHALMERS,
        SAME_NAME,
        compare_to_source_id="f",
        expression="name.given",
        operator="notIn",
    ),
    row(
        "compare-greater",
        patient(multipleBirthInteger=3),
        patient(multipleBirthInteger=2),
        compare_to_source_id="f",
        expression="Patient.multipleBirth",
        operator="greaterThan",
    ),
    row("minimum", AT_LEAST, LESS, minimum_id="f"),
    row("minimum-number", AT_LEAST, SAME_NAME, minimum_id="f"),
    row(
        "minimum-in-bundle",
        bundle(entry=[{}, {"resource": json.loads(FIXTURE)}]),
        bundle(entry=[{}]),
        minimum_id="f",
    ),
    row(
        "navigation-links",
        bundle("first", "next", "last"),
        bundle("first", "last"),
        navigation_links=True,
    ),
    row("navigation-links-none", bundle("first", "next", "last"), CHALMERS, navigation_links=True),
    row("profile-base", patient(gender="male"), patient(gender="x"), validate_profile_id="patient"),
    row("profile-other-type", patient(), bundle(), validate_profile_id="patient"),
    row("body", answer(200, b"a needle"), answer(200, b"hay"), response_body="needle"),
    row(
        "body-regex",
        answer(200, b"n12"),
        answer(200, b"n"),
        response_body=r"n\d+",
        operator="matchesRegex",
    ),
    row(
        "body-not",
        answer(200, b"hay"),
        answer(200, b"a needle"),
        response_body="needle",
        operator="notContains",
    ),
]


@pytest.mark.parametrize("engine", ["own", "fhirpathpy"])
@pytest.mark.parametrize(("assertion", "holds", "breaks"), KINDS)
def test_an_assert_holds_when_it_should_and_breaks_when_it_should(
    assertion: Assert, holds: bytes, breaks: bytes, engine: FhirPathName
) -> None:
    check_both_columns(assertion, holds, breaks, engine)


def test_every_kind_of_assert_stands_in_the_table() -> None:
    rows = [row.values[0] for row in KINDS]
    rows += [row.values[0] for row in REQUESTS]
    assert {name for row in rows for name in JUDGES if getattr(row, name)} == set(JUDGES)


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
