"""Every function with an example: those of FHIRPath N1, those that FHIR adds, and later ones.

Spec: http://hl7.org/fhirpath/N1/index.html#functions and https://hl7.org/fhir/R4/fhirpath.html#functions
"""

from datetime import UTC, datetime
from typing import Any

import pytest

from fhirserver.fhirpath import Context, ElementNode, compile_expression, root_node, to_system
from fhirserver.fhirpath.compiler import FUNCTIONS
from fhirserver.fhirpath.functions_conversion import to_text

IN_THE_COMPILER = {"as", "empty", "exists", "is", "ofType"}
RACE = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "active": True,
    "gender": "male",
    "name": [{"use": "official", "given": ["Ann", "Bea"]}, {"given": ["Cleo"]}],
    "text": {"status": "empty", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    "extension": [{"url": "http://e", "valueString": "x"}],
    "modifierExtension": [{"url": "http://m", "valueBoolean": True}],
    "managingOrganization": {"reference": "Organization/1"},
    "maritalStatus": {"coding": [{"system": RACE, "code": "_ActEncounterCode"}, {"code": "?"}]},
    "contact": [{"relationship": [{"coding": [{"system": RACE, "code": "IMP"}]}]}],
}
BROAD = "maritalStatus.coding[0]"
NARROW = "contact.relationship.coding"

EXAMPLES: dict[str, tuple[tuple[str, list[str]], ...]] = {
    "abs": (("(-5).abs()", ["5"]),),
    "aggregate": (("(1|2|3).aggregate($this + $total, 0)", ["6"]),),
    "all": (("name.all(given.exists())", ["true"]),),
    "allFalse": (("(false|(1=2)).allFalse()", ["true"]), ("(false|true).allFalse()", ["false"])),
    "allTrue": (("(true|(1=1)).allTrue()", ["true"]), ("(false|true).allTrue()", ["false"])),
    "anyFalse": (("(true|false).anyFalse()", ["true"]), ("true.anyFalse()", ["false"])),
    "anyTrue": (("(true|false).anyTrue()", ["true"]), ("false.anyTrue()", ["false"])),
    "as": (("(gender as code)", ["male"]), ("gender.as(string)", [])),
    "ceiling": (("1.1.ceiling()", ["2"]),),
    "checkModifiers": (("checkModifiers('http://m').gender", ["male"]),),
    "children": (("name[1].children()", ["Cleo"]),),
    "coalesce": (("coalesce({}, gender)", ["male"]),),
    "combine": (("1.combine(1)", ["1", "1"]),),
    "comparable": (("1 'kg'.comparable(2 'g')", ["true"]), ("1 'kg'.comparable(2 's')", ["false"])),
    "conformsTo": (
        ("conformsTo('http://hl7.org/fhir/StructureDefinition/DomainResource')", ["true"]),
    ),
    "contains": (("'abc'.contains('b')", ["true"]),),
    "convertsToBoolean": (("'yes'.convertsToBoolean()", ["true"]),),
    "convertsToDate": (("'2020-13'.convertsToDate()", ["false"]),),
    "convertsToDateTime": (("'2020-01-01T10'.convertsToDateTime()", ["true"]),),
    "convertsToDecimal": (("'1.5'.convertsToDecimal()", ["true"]),),
    "convertsToInteger": (("'1.5'.convertsToInteger()", ["false"]),),
    "convertsToQuantity": (("'1 year'.convertsToQuantity()", ["true"]),),
    "convertsToString": (("1.convertsToString()", ["true"]),),
    "convertsToTime": (("'25:00'.convertsToTime()", ["false"]),),
    "count": (("name.given.count()", ["3"]),),
    "decode": (("'YQ=='.decode('base64')", ["a"]), ("'61'.decode('hex')", ["a"])),
    "defineVariable": (("defineVariable('n', name.given).select(%n.last())", ["Cleo"]),),
    "descendants": (("name.descendants().count()", ["4"]),),
    "distinct": (("1.combine(1).distinct()", ["1"]),),
    "empty": (("name.family.empty()", ["true"]),),
    "encode": (("'a'.encode('base64')", ["YQ=="]), ("'?>'.encode('urlbase64')", ["Pz4="])),
    "endsWith": (("'abc'.endsWith('bc')", ["true"]),),
    "escape": (("'<'.escape('html')", ["&lt;"]), ("'a\"'.escape('json')", ['a\\"'])),
    "exclude": (("(1|2|3).exclude(2)", ["1", "3"]),),
    "exists": (("name.exists(use = 'official')", ["true"]),),
    "exp": (("0.exp()", ["1"]),),
    "extension": (("extension('http://e').value", ["x"]),),
    "first": (("name.given.first()", ["Ann"]),),
    "floor": (("(-1.5).floor()", ["-2"]),),
    "getValue": (("gender.getValue()", ["male"]), ("name.getValue()", [])),
    "hasExtension": (("hasExtension('http://e')", ["true"]),),
    "hasValue": (("gender.hasValue()", ["true"]), ("name[0].hasValue()", ["false"])),
    "highBoundary": (("@2014.highBoundary(6)", ["2014-12"]),),
    "htmlChecks": (("text.div.htmlChecks()", ["true"]),),
    "iif": (("iif(active, 'yes', 1 + 'a')", ["yes"]),),
    "indexOf": (("'abcb'.indexOf('b')", ["1"]),),
    "intersect": (("(1|2).intersect(2|3)", ["2"]),),
    "is": (("gender is string", ["true"]), ("gender.is(boolean)", ["false"])),
    "isDistinct": (("1.combine(1).isDistinct()", ["false"]),),
    "join": (("name[0].given.join('+')", ["Ann+Bea"]),),
    "last": (("name.given.last()", ["Cleo"]),),
    "lastIndexOf": (("'abcb'.lastIndexOf('b')", ["3"]),),
    "length": (("'abc'.length()", ["3"]),),
    "ln": (("1.ln()", ["0"]),),
    "log": (("16.log(2)", ["4"]),),
    "lowBoundary": (("1.587.lowBoundary(2)", ["1.58"]),),
    "lower": (("'AB'.lower()", ["ab"]),),
    "matches": (("'abc'.matches('b')", ["true"]),),
    "matchesFull": (("'abc'.matchesFull('b')", ["false"]),),
    "memberOf": (
        ("gender.memberOf('http://hl7.org/fhir/ValueSet/administrative-gender')", ["true"]),
        ("maritalStatus.memberOf('http://hl7.org/fhir/ValueSet/marital-status')", ["false"]),
        ("gender.memberOf('http://example.org/unknown')", []),
    ),
    "not": (("active.not()", ["false"]),),
    "now": (("now()", ["2026-01-02T03:04:05.000Z"]),),
    "ofType": (("children().ofType(HumanName).count()", ["2"]),),
    "power": (("2.power(3)", ["8"]),),
    "precision": (("@2014-01.precision()", ["6"]),),
    "repeat": (("repeat(contact | relationship).count()", ["2"]),),
    "replace": (("'abc'.replace('b', 'x')", ["axc"]),),
    "replaceMatches": (("'abc'.replaceMatches('[ab]', 'x')", ["xxc"]),),
    "resolve": (("managingOrganization.resolve().id", ["1"]),),
    "round": (("2.345.round(2)", ["2.35"]),),
    "select": (("name.select(given.first())", ["Ann", "Cleo"]),),
    "single": (("active.single()", ["true"]),),
    "skip": (("(1|2|3).skip(2)", ["3"]),),
    "sort": (("(2|3|1).sort($this desc)", ["3", "2", "1"]),),
    "split": (("'a,b'.split(',')", ["a", "b"]),),
    "sqrt": (("16.sqrt()", ["4"]),),
    "startsWith": (("'abc'.startsWith('ab')", ["true"]),),
    "subsetOf": (("(1|2).subsetOf(1|2|3)", ["true"]),),
    "substring": (("'abcd'.substring(1, 2)", ["bc"]),),
    "subsumedBy": ((f"{NARROW}.subsumedBy(%resource.{BROAD})", ["true"]),),
    "subsumes": (
        (f"{BROAD}.subsumes(%resource.{NARROW})", ["true"]),
        (f"{NARROW}.subsumes(%resource.{BROAD})", ["false"]),
        (f"maritalStatus.subsumes(%resource.{NARROW})", ["true"]),
        (f"gender.subsumes(%resource.{NARROW})", ["false"]),
    ),
    "supersetOf": (("(1|2).supersetOf(1)", ["true"]),),
    "tail": (("(1|2|3).tail()", ["2", "3"]),),
    "take": (("(1|2|3).take(2)", ["1", "2"]),),
    "timeOfDay": (("timeOfDay()", ["03:04:05.000"]),),
    "toBoolean": (("'n'.toBoolean()", ["false"]),),
    "toChars": (("'ab'.toChars()", ["a", "b"]),),
    "toDate": (("'2020-01-02T10:00:00Z'.toDate()", ["2020-01-02"]),),
    "toDateTime": (("'2020-01-02'.toDateTime()", ["2020-01-02T"]),),
    "toDecimal": (("'1.50'.toDecimal()", ["1.50"]),),
    "toInteger": (("'5'.toInteger()", ["5"]),),
    "toQuantity": (("'5 \\'mg\\''.toQuantity()", ["5 'mg'"]),),
    "toString": (("1.50.toString()", ["1.50"]),),
    "toTime": (("'10:30'.toTime()", ["10:30"]),),
    "today": (("today()", ["2026-01-02"]),),
    "trace": (("gender.trace('g', length())", ["male"]),),
    "trim": (("' a '.trim()", ["a"]),),
    "truncate": (("(-1.5).truncate()", ["-1"]),),
    "type": (("gender.type().name", ["code"]),),
    "unescape": (("'&lt;'.unescape('html')", ["<"]), ("'\\\\u0041'.unescape('json')", ["A"])),
    "union": (("1.union(1|2)", ["1", "2"]),),
    "upper": (("'ab'.upper()", ["AB"]),),
    "where": (("name.where(use = 'official').given", ["Ann", "Bea"]),),
}


def evaluate(expression: str) -> list[Any]:
    node = root_node(PATIENT)
    context = Context(node, now=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    return compile_expression(expression).evaluate(node, context)


def text(item: Any) -> str:
    value = to_system(item)
    return str(value.value) if isinstance(value, ElementNode) else str(to_text(value))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        pytest.param(expression, expected, id=f"{name}-{number}")
        for name, examples in EXAMPLES.items()
        for number, (expression, expected) in enumerate(examples)
    ],
)
def test_a_function(expression: str, expected: list[str]) -> None:
    assert [text(item) for item in evaluate(expression)] == expected


def test_every_function_has_an_example() -> None:
    assert set(EXAMPLES) == {*FUNCTIONS, *IN_THE_COMPILER}
