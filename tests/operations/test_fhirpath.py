"""$fhirpath over HTTP: what the FHIRPath Lab sends, what it gets, and what is refused.

Spec: the server API that the FHIRPath Lab documents (server-api.md of its repository)
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from fhirserver.access import Access, AuthContext, Decision, Grant, allow_all
from fhirserver.config import Settings
from fhirserver.definitions import r4
from fhirserver.errors import FhirError
from fhirserver.interactions import Query, Services
from fhirserver.interactions.update import update
from fhirserver.operations import OFFERED, Call, fhirpath_output, invoke
from fhirserver.store.database import Database, now_us
from fhirserver.validation import validate
from fhirserver.validation.shape import shape_faults
from tests.client import Client
from tests.conftest import truncate_all

AUTH = AuthContext("Practitioner/7", "tests", "request-1", "192.0.2.7")
JSON_VALUE = "http://fhir.forms-lab.com/StructureDefinition/json-value"
XML_VALUE = "http://fhir.forms-lab.com/StructureDefinition/xml-value"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "fp1",
    "name": [
        {"use": "official", "family": "Chalmers", "given": ["Peter", "James"]},
        {"use": "usual", "given": ["Jim"]},
    ],
    "birthDate": "1974-12",
    "_birthDate": {"id": "b"},
    "contact": [{"gender": "female", "name": {"text": "Ann"}}],
    "text": {"status": "empty", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "generalPractitioner": [{"reference": "Practitioner/fp2"}, {"reference": "Practitioner/no"}],
}
PRACTITIONER = {"resourceType": "Practitioner", "id": "fp2", "active": True}
OBSERVATION: dict[str, Any] = {
    "resourceType": "Observation",
    "status": "final",
    "code": {"text": "x"},
    "valueQuantity": {"value": 5.50, "unit": "mg"},
    "effectiveDateTime": "2020-01-02T03:04:05Z",
}


def parameters(*given: dict[str, Any], **texts: str) -> dict[str, Any]:
    named = [{"name": name, "valueString": text} for name, text in texts.items()]
    return {"resourceType": "Parameters", "parameter": [*named, *given]}


def inline(resource: dict[str, Any]) -> dict[str, Any]:
    return {"name": "resource", "resource": resource}


def as_text(url: str, text: str) -> dict[str, Any]:
    return {"name": "resource", "extension": [{"url": url, "valueString": text}]}


def results(body: Any) -> list[Any]:
    return [each for each in body["parameter"] if each["name"] == "result"]


def parts(body: Any) -> list[Any]:
    (result,) = results(body)
    return list(result.get("part", []))


def test_what_the_lab_sends_and_gets(client: Client) -> None:
    asked = parameters(
        {"name": "validate", "valueBoolean": True},
        {"name": "variables", "part": [{"name": "more", "valueString": "testMe"}]},
        inline(PATIENT),
        expression="trace('trc', given.first()).given.join(' ')\n.combine(%more)",
        context="name",
        terminologyserver="https://tx.example.org/r4",
    )
    answer = client.post("$fhirpath", asked, content_type="application/json")
    assert answer.status == 200, answer.text
    assert shape_faults(answer.json) == []
    head, first, second = answer.json["parameter"]
    told = {part["name"]: part for part in head["part"]}
    assert told["evaluator"]["valueString"].startswith("fhirserver ")
    assert told["evaluator"]["valueString"].endswith(" (R4)")
    assert told["resource"]["resource"]["id"] == "fp1"
    assert told["context"]["valueString"] == "name"
    assert told["variables"]["part"][0]["name"] == "more"
    assert (first["name"], first["valueString"]) == ("result", "name[0]")
    assert first["part"] == [
        {"name": "string", "valueString": "Peter James"},
        {"name": "string", "valueString": "testMe"},
        {
            "name": "trace",
            "valueString": "trc",
            "part": [{"name": "string", "valueString": "Peter"}],
        },
    ]
    assert second["valueString"] == "name[1]"
    tree = json.loads(told["parseDebugTree"]["valueString"])
    assert (tree["ExpressionType"], tree["Name"]) == ("FunctionCallExpression", "combine")
    source = asked["parameter"][0]["valueString"]
    assert source[tree["Position"] :][: tree["Length"]] == "combine"
    variable = tree["Arguments"][1]
    assert (variable["ExpressionType"], variable["Name"]) == ("VariableRefExpression", "more")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param("name.given.count()", {"name": "integer", "valueInteger": 3}, id="integer"),
        pytest.param("1.50", {"name": "decimal", "valueDecimal": 1.50}, id="decimal"),
        pytest.param("name.exists()", {"name": "boolean", "valueBoolean": True}, id="boolean"),
        pytest.param("'a'", {"name": "string", "valueString": "a"}, id="string"),
        pytest.param("''", {"name": "empty-string"}, id="empty-string"),
        pytest.param("@2015-02", {"name": "date", "valueDate": "2015-02"}, id="date"),
        pytest.param("@T10:30:00", {"name": "time", "valueTime": "10:30:00"}, id="time"),
        pytest.param("@2015T", {"name": "dateTime", "valueDateTime": "2015"}, id="date-time"),
        pytest.param(
            "@2015-02-03T04:05:06Z",
            {"name": "dateTime", "valueDateTime": "2015-02-03T04:05:06Z"},
            id="instant",
        ),
        pytest.param(
            "4 'mg'",
            {
                "name": "Quantity",
                "valueQuantity": {
                    "value": 4,
                    "unit": "mg",
                    "system": "http://unitsofmeasure.org",
                    "code": "mg",
                },
            },
            id="quantity",
        ),
        pytest.param(
            "2 years",
            {"name": "Quantity", "valueQuantity": {"value": 2, "unit": "year"}},
            id="calendar-duration",
        ),
        pytest.param("gender", None, id="nothing"),
        pytest.param(
            "birthDate",
            {"name": "date", "valueDate": "1974-12", "_valueDate": {"id": "b"}},
            id="element/with-id",
        ),
        pytest.param(
            "name[1]",
            {"name": "HumanName", "valueHumanName": {"use": "usual", "given": ["Jim"]}},
            id="element/complex",
        ),
        pytest.param("$this", {"name": "Patient", "resource": PATIENT}, id="resource"),
        pytest.param("resource", None, id="no-such-element"),
    ],
)
def test_a_result_has_its_type(client: Client, expression: str, expected: object) -> None:
    body = client.post("$fhirpath", parameters(inline(PATIENT), expression=expression)).json
    assert parts(body) == ([] if expected is None else [expected])
    assert shape_faults(body) == []


@pytest.mark.parametrize(
    ("expression", "name", "value"),
    [
        pytest.param("contact", "Patient.contact", PATIENT["contact"][0], id="backbone"),
        pytest.param("text", "Narrative", PATIENT["text"], id="type-that-is-no-parameter"),
        pytest.param(
            "gender.type() | 1.type()",
            "SimpleTypeInfo",
            {"namespace": "System", "name": "Integer"},
            id="type",
        ),
        pytest.param("@T10:30", "time", "10:30", id="partial-time"),
        pytest.param("@2015-02-03T04", "dateTime", "2015-02-03T04", id="partial-date-time"),
        pytest.param("2147483647 * 2", "integer", 4294967294, id="large-integer"),
    ],
)
def test_what_no_parameter_holds_is_json(
    client: Client, expression: str, name: str, value: object
) -> None:
    body = client.post("$fhirpath", parameters(inline(PATIENT), expression=expression)).json
    (part,) = parts(body)
    (extension,) = part["extension"]
    assert (part["name"], extension["url"]) == (name, JSON_VALUE)
    assert json.loads(extension["valueString"]) == value
    assert shape_faults(body) == []


XML = '<Patient xmlns="http://hl7.org/fhir"><gender value="male"/></Patient>'


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        pytest.param("$fhirpath?expression=1%2B1", None, [2], id="get/no-resource"),
        pytest.param(
            "$fhirpath?expression=name.given&resource=Patient/fp1",
            None,
            ["Peter", "James", "Jim"],
            id="get/stored",
        ),
        pytest.param(
            "$fhirpath?expression=id&resource=Patient/fp1/_history/1", None, ["fp1"], id="version"
        ),
        pytest.param("$fhirpath?expression=gender", XML.encode(), ["male"], id="post/xml-alone"),
        pytest.param("$fhirpath?expression=id", PATIENT, ["fp1"], id="post/resource-alone"),
        pytest.param(
            "$fhirpath",
            parameters(as_text(JSON_VALUE, json.dumps(PATIENT)), expression="id"),
            ["fp1"],
            id="json-as-text",
        ),
        pytest.param(
            "$fhirpath",
            parameters(as_text(XML_VALUE, XML), expression="gender"),
            ["male"],
            id="xml-as-text",
        ),
        pytest.param(
            "$fhirpath",
            parameters(
                {"name": "resource", "valueReference": {"reference": "Patient/fp1"}},
                expression="id",
            ),
            ["fp1"],
            id="reference",
        ),
        pytest.param(
            "$fhirpath",
            parameters(inline(PATIENT), expression="generalPractitioner.resolve().active"),
            [True],
            id="resolve/stored-and-missing",
        ),
        pytest.param(
            "$fhirpath",
            parameters(
                inline(
                    {
                        "resourceType": "Bundle",
                        "type": "collection",
                        "entry": [
                            {
                                "fullUrl": "urn:uuid:9b0f6a4e-0f4e-4f0e-8d70-3c4f0f0c1a11",
                                "resource": PRACTITIONER,
                            }
                        ],
                    }
                ),
                expression="'urn:uuid:9b0f6a4e-0f4e-4f0e-8d70-3c4f0f0c1a11'.resolve().id",
            ),
            ["fp2"],
            id="resolve/inside-the-bundle",
        ),
        pytest.param(
            "$fhirpath",
            parameters(
                {
                    "name": "variables",
                    "part": [
                        {"name": "n", "valueInteger": 2},
                        {"name": "p", "resource": PRACTITIONER},
                        {"name": "q", "extension": [{"url": JSON_VALUE, "valueString": "0.5"}]},
                        {"name": "nothing"},
                    ],
                },
                expression="%n + %q | %p.id | %nothing",
            ),
            [2.5, "fp2"],
            id="variables",
        ),
        pytest.param(
            "$fhirpath",
            parameters(
                inline(PATIENT),
                expression="defineVariable('n', given).select(%n.first())",
                context="name",
            ),
            ["Peter", "Jim"],
            id="context/variables-end-with-their-item",
        ),
        pytest.param(
            "$fhirpath",
            parameters(
                inline(PATIENT),
                expression="%context.use | %resource.id | %rootResource.birthDate.toString()",
                context="name.first()",
            ),
            ["official", "fp1", "1974-12"],
            id="context/variables-of-fhirpath",
        ),
        pytest.param(
            "$fhirpath",
            parameters(
                inline({"resourceType": "Observation", "valueString": "no status, no code"}),
                expression="value",
            ),
            ["no status, no code"],
            id="what-is-missing-does-not-matter",
        ),
    ],
)
def test_where_resource_and_variables_come_from(
    stored: Client, path: str, body: Any, expected: list[Any]
) -> None:
    if body is None:
        answer = stored.get(path)
    elif isinstance(body, bytes):
        answer = stored.post(path, body, content_type="application/fhir+xml")
    else:
        answer = stored.post(path, body)
    assert answer.status == 200, answer.text
    found = [part for result in results(answer.json) for part in result.get("part", [])]
    assert [part[key] for part in found for key in part if key.startswith("value")] == expected


@pytest.fixture
def stored(client: Client, clean: None) -> Client:
    assert client.put("Practitioner/fp2", PRACTITIONER).status == 201
    patient = {**PATIENT, "generalPractitioner": PATIENT["generalPractitioner"][:1]}
    assert client.put("Patient/fp1", patient).status == 201
    return client


BIG = {
    **PATIENT,
    "text": {**PATIENT["text"], "div": PATIENT["text"]["div"].replace("x<", "x" * 600_000 + "<")},
}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        pytest.param(
            parameters(inline(PATIENT), expression="name\n  .where(use == 'a')"),
            400,
            "expression, line 2, column 15: expected a value, a name or a parenthesis, found '='",
            id="expression/syntax",
        ),
        pytest.param(
            parameters(inline(PATIENT), expression="name.first().nothing()"),
            400,
            "expression, line 1, column 14: there is no function nothing()",
            id="expression/unknown-function",
        ),
        pytest.param(
            parameters(inline(PATIENT), expression="name.select(given +\n'a')"),
            422,
            "expression, line 1, column 19: expected one item, found 2",
            id="expression/does-not-fit",
        ),
        pytest.param(
            parameters(inline(PATIENT), expression="1", context="name + 'a'"),
            422,
            "context, line 1, column 6: expected one item, found 2",
            id="context/does-not-fit",
        ),
        pytest.param(
            parameters(
                inline(PATIENT), expression="%resource.descendants().select(" * 9 + "1" + ")" * 9
            ),
            413,
            "more than 500000 steps",
            id="limit/steps",
        ),
        pytest.param(
            parameters(inline(BIG), expression="descendants().select(%resource)"),
            413,
            f"more than {fhirpath_output.RESULT_LIMIT_BYTES} bytes",
            id="limit/result",
        ),
        pytest.param(
            parameters(inline(BIG), expression="descendants().trace('x', %resource).count()"),
            413,
            f"more than {fhirpath_output.RESULT_LIMIT_BYTES} bytes",
            id="limit/traces",
        ),
        pytest.param(
            parameters(inline(PATIENT), expression="'a' + " * 4000 + "'a'"),
            413,
            "more than 20000 characters",
            id="limit/source",
        ),
        pytest.param(parameters(inline(PATIENT)), 400, "needs the parameter expression", id="none"),
        pytest.param(
            parameters(inline(PATIENT), expression="1", expresion="2"),
            400,
            "not 'expresion'",
            id="parameter/unknown",
        ),
        pytest.param(
            parameters(inline(PATIENT), inline(PATIENT), expression="1"),
            400,
            "resource stands there twice",
            id="parameter/twice",
        ),
        pytest.param(
            parameters({"name": "expression", "valueInteger": 1}),
            400,
            "expression needs a valueString",
            id="parameter/no-text",
        ),
        pytest.param(
            parameters(
                {"name": "variables", "part": [{"name": "resource", "valueString": "x"}]},
                expression="1",
            ),
            400,
            "%resource is FHIRPath's own",
            id="variables/reserved",
        ),
        pytest.param(
            parameters(expression="1", variables="x"), 400, "variables has a part", id="no-parts"
        ),
        pytest.param(
            parameters(inline({**PATIENT, "name": 5}), expression="1"),
            422,
            "name repeats",
            id="resource/shape",
        ),
        pytest.param(
            parameters(inline({**PATIENT, "nmae": []}), expression="1"),
            422,
            "nmae",
            id="resource/unknown-element",
        ),
        pytest.param(
            parameters(as_text(JSON_VALUE, "{"), expression="1"), 400, "not JSON", id="text/json"
        ),
        pytest.param(
            parameters(as_text(JSON_VALUE, "[1]"), expression="1"),
            400,
            "resource: the text in the extension",
            id="text/no-resource",
        ),
        pytest.param(
            parameters(expression="1", resource="https://elsewhere.example/fhir/Patient/1"),
            400,
            "nothing is fetched from elsewhere",
            id="reference/elsewhere",
        ),
        pytest.param(
            parameters(expression="1", resource="Patient/none"), 404, "", id="reference/nothing"
        ),
        pytest.param(
            parameters(
                inline(
                    {
                        "resourceType": "Group",
                        "member": [
                            {"entity": {"reference": f"Patient/x{number}"}} for number in range(101)
                        ],
                    }
                ),
                expression="member.entity.resolve()",
            ),
            413,
            "no more than 100 resources",
            id="limit/resolve",
        ),
        pytest.param(5, 400, "the body is neither", id="body/no-object"),
        pytest.param({"resourceType": "Nothing"}, 422, "Nothing", id="body/no-type"),
    ],
)
def test_refusals(client: Client, clean: None, body: Any, status: int, told: str) -> None:
    answer = client.post("$fhirpath", body)
    assert answer.status == status, answer.text
    assert told in answer.json["issue"][0]["diagnostics"]


def test_an_answer_in_xml(client: Client) -> None:
    asked = parameters(inline(PATIENT), expression="name.given.first()")
    answer = client.post("$fhirpath", asked, accept="application/fhir+xml")
    assert (answer.status, "Peter" in answer.text) == (200, True), answer.text


@pytest.fixture
def services(database: Database, database_url: str) -> Services:
    truncate_all(database_url)
    database.identities.forget()
    made = Services(r4(), database, Settings(), allow_all, now_us, b"", OFFERED)
    for each in ("a", "b"):
        update(made, AUTH, "Patient", each, {"resourceType": "Patient", "id": each})
    return made


def granted(patient: str) -> Callable[[AuthContext, Access], Decision]:
    """Make a policy that grants everything, in one patient's compartment."""
    return lambda _auth, _access: Decision(
        allowed=True, reason="granted", grants=(Grant((patient,)),)
    )


def test_what_the_caller_may_not_see_is_not_there(services: Services) -> None:
    confined = replace(services, policy=granted("a"))

    def evaluate(**texts: str) -> Any:
        call = Call(confined, AUTH, None, None, Query(tuple(texts.items())), None)
        return json.loads(invoke("fhirpath", call, "GET").body or b"")

    assert parts(evaluate(expression="id", resource="Patient/a"))[0]["valueId"] == "a"
    found = parts(evaluate(expression="'Patient/a'.combine('Patient/b').resolve().id"))
    assert [part["valueId"] for part in found] == ["a"]
    with pytest.raises(FhirError) as caught:
        evaluate(expression="id", resource="Patient/b")
    assert caught.value.status == 404


def test_what_is_read_is_audited(services: Services, database_url: str) -> None:
    query = (("resource", "Patient/a"), ("expression", "'Patient/b'.resolve().id"))
    invoke("fhirpath", Call(services, AUTH, None, None, Query(query), None), "GET")
    with psycopg.connect(database_url) as connection:
        found = connection.execute("SELECT actor FROM audit WHERE interaction = 'read'").fetchall()
    assert found == [("Practitioner/7",)] * 2


def test_it_is_declared(client: Client) -> None:
    (rest,) = client.get("metadata").json["rest"]
    (offered,) = [each for each in rest["operation"] if each["name"] == "fhirpath"]
    assert offered["name"] == "fhirpath"
    path = offered["definition"].removeprefix(client.base)
    assert validate(client.get(path.removeprefix("/")).json) == []
    paths = client.get("openapi.json", accept="application/json").json["paths"]
    assert set(paths["/$fhirpath"]) >= {"get", "post"}
