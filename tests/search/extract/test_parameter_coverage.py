"""Every search parameter of every resource type is indexed, or stands in a list with its reason."""

from collections import Counter
from collections.abc import Iterator

import pytest

from fhirserver.definitions import SearchParameter, r4
from fhirserver.fhirpath import parse
from fhirserver.search.extract import is_indexed, type_plan
from fhirserver.search.extract.build import TreeBuilder

COLUMNS = {"_id", "_lastUpdated"}

NO_EXPRESSION = {
    "_content": "full text",
    "_filter": "an expression over other parameters",
    "_query": "names a query",
    "_text": "words of the narrative, which is no element of a search parameter",
    "age": "an example in the specification; not an element",
    "birthOrderBoolean": "an example in the specification; not an element",
    "part-agree": "an example whose base is not the type of its expression",
}

INSIDE_A_BUNDLE = {("Bundle", "composition"), ("Bundle", "message")}
"""They lead to an entry, which is no resource by itself."""

NO_ROWS = {
    ("CarePlan", "activity-date", "string"): "a date in words",
    ("Consent", "source-reference", "Attachment"): "the choice that is no reference",
    ("Immunization", "date", "string"): "a date in words",
    ("Procedure", "date", "Age"): "a date relative to the birth",
    ("Procedure", "date", "Range"): "a date relative to the birth",
    ("Procedure", "date", "string"): "a date in words",
}
"""(type, code, datatype) that an expression reaches and that has no value of that kind."""

COMPUTED = {("Patient", "deceased")}


def parameters() -> Iterator[tuple[str, SearchParameter]]:
    for type_name in r4().resource_types:
        for parameter in r4().search_parameters(type_name).values():
            yield type_name, parameter


def test_every_parameter_is_indexed_or_listed() -> None:
    reasons: Counter[str] = Counter()
    for type_name, parameter in parameters():
        if parameter.code in COLUMNS:
            reasons["column"] += 1
        elif is_indexed(parameter):
            reasons["indexed"] += 1
        elif parameter.alias_of is not None:
            reasons["alias"] += 1
        elif parameter.united:
            reasons["rows of other composites"] += 1
        elif (type_name, parameter.code) in INSIDE_A_BUNDLE:
            reasons["inside a Bundle"] += 1
        else:
            assert not parameter.expression
            assert parameter.code in NO_EXPRESSION
            reasons["no expression"] += 1
    assert sum(reasons.values()) == sum(1 for _ in parameters())
    assert reasons["indexed"] > 2000


def test_every_datatype_an_expression_reaches_has_rows_or_is_listed() -> None:
    without_rows, computed = set(), set()
    for type_name in r4().resource_types:
        builder = TreeBuilder(r4(), type_name)
        for parameter in r4().search_parameters(type_name).values():
            if is_indexed(parameter):
                builder.add(parameter)
        without_rows |= {(type_name, each.code, datatype) for each, datatype in builder.unindexed}
        computed |= {(type_name, each.code) for each in builder.computed}
    assert without_rows == set(NO_ROWS)
    assert computed == COMPUTED


def test_every_expression_ends_at_an_element() -> None:
    for type_name, parameter in parameters():
        if is_indexed(parameter) and (type_name, parameter.code) not in COMPUTED:
            builder = TreeBuilder(r4(), type_name)
            builder.add(parameter)
            place = builder.finish()
            assert place.children or place.together, (
                f"{type_name}.{parameter.code}: {parameter.expression}"
            )


@pytest.mark.parametrize("type_name", r4().resource_types)
def test_every_type_has_a_plan(type_name: str) -> None:
    plan = type_plan(r4(), type_name)
    assert plan.types == frozenset(r4().resource_types)


def test_expressions_parse() -> None:
    for _, parameter in parameters():
        if parameter.expression:
            parse(parameter.expression)
