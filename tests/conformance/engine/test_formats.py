"""The formats, headers and bodies that an operation sends."""

from __future__ import annotations

import json

import pytest

from fhirserver_conformance.script.model import Fixture, Operation, Variable
from tests.conformance.engine.sending import op_row, sent_by

HEADERS = [
    op_row("default", "fhir+json|None|None", url="a"),
    op_row("accept-xml", "fhir+xml|None|None", url="a", accept="xml"),
    op_row("accept-none", "None|None|None", url="a", accept="none"),
    op_row("accept-mime", "text/plain|None|None", url="a", accept="text/plain"),
    op_row("accept-header-wins", "b|None|None", url="a", accept="xml", headers=(("accept", "b"),)),
    op_row("body-json", "fhir+json|fhir+json|{", code="create", source_id="f"),
    op_row("body-xml", "fhir+json|fhir+xml|<", code="create", source_id="x"),
    op_row(
        "to-xml",
        "fhir+json|fhir+xml|<",
        code="create",
        source_id="f",
        content_type="xml",
    ),
    op_row(
        "to-json",
        "fhir+json|fhir+json|{",
        code="create",
        source_id="x",
        content_type="json",
    ),
    op_row(
        "type-none",
        "fhir+json|None|{",
        code="create",
        source_id="f",
        content_type="none",
    ),
    op_row(
        "type-header",
        "fhir+json|a/b|{",
        code="create",
        source_id="f",
        headers=(("Content-Type", "a/b"),),
    ),
    op_row(
        "json-patch",
        "fhir+json|json-patch+json|[",
        code="patch",
        url="a",
        source_id="patch",
    ),
    op_row(
        "xml-patch",
        "fhir+json|xml-patch+xml|<",
        code="patch",
        url="a",
        source_id="diff",
    ),
    op_row(
        "fhir-patch",
        "fhir+json|fhir+json|{",
        code="patch",
        url="a",
        source_id="parameters",
    ),
    op_row(
        "json-patch-said",
        "fhir+json|json-patch+json|[",
        code="patch",
        url="a",
        source_id="patch",
        content_type="application/json-patch+json",
    ),
    op_row(
        "form",
        "fhir+json|x-www-form-urlencoded|n",
        code="search",
        method="post",
        resource="Patient",
        params="?name=a",
    ),
]


@pytest.mark.parametrize(("operation", "found"), HEADERS)
def test_an_operation_sends_its_formats(operation: Operation, found: str) -> None:
    received = sent_by(operation)
    headers = received.headers
    start = received.body[:1].decode() or None
    sent = f"{headers.get('accept')}|{headers.get('content-type')}|{start}"
    assert sent.replace("application/", "") == found


def test_values_in_bodies_are_escaped_for_their_format() -> None:
    name = 'a"b\\<&'
    variables = (Variable(name="v", default_value=name),)
    bodies = {
        "json": b'{"resourceType":"Patient","name":[{"family":"${v}"}]}',
        "xml": b"".join(
            (
                b'<Patient xmlns="http://hl7.org/fhir"><name>',
                b'<family value="${v}"/></name></Patient>',
            )
        ),
    }
    for format, body in bodies.items():
        fixture = Fixture(id="v", body=body, format="xml" if format == "xml" else "json")
        operation = Operation(code="create", source_id="v", content_type="json")
        received = sent_by(operation, fixtures=(fixture,), variables=variables)
        assert json.loads(received.body)["name"] == [{"family": name}]


def test_headers_are_filled_in_and_sent_in_order() -> None:
    headers = (("If-None-Exist", "name=${name}"), ("Prefer", "return=minimal"))
    received = sent_by(Operation(code="create", source_id="f", headers=headers))
    assert received.headers["if-none-exist"].encode("latin-1").decode() == "name=Jürgen B"
    assert received.headers["prefer"] == "return=minimal"
