"""Criteria -> conditions, by the type of their parameter. Pure."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from fhirserver.definitions import FULL_TEXT, Definitions, SearchParameter
from fhirserver.search.conditions import (
    ALWAYS,
    NEVER,
    AllOf,
    Column,
    Condition,
    Fragment,
    Not,
    Table,
    any_condition,
    either,
)
from fhirserver.search.criteria import COLUMNS
from fhirserver.search.params import (
    coded,
    composite,
    date,
    hierarchy,
    number,
    quantity,
    reference,
    special,
    string,
    text,
    token,
    uri,
)
from fhirserver.search.params.coded import CodesValue
from fhirserver.search.params.composite import CompositeValue
from fhirserver.search.params.date import Comparison, DateValue
from fhirserver.search.params.hierarchy import HierarchyValue
from fhirserver.search.params.number import NumberValue
from fhirserver.search.params.quantity import QuantityValue
from fhirserver.search.params.reference import ReferenceValue
from fhirserver.search.params.special import NearValue
from fhirserver.search.params.string import StringValue
from fhirserver.search.params.text import TextValue
from fhirserver.search.params.token import OfTypeValue, TokenValue
from fhirserver.search.params.uri import UriValue
from fhirserver.search.query import Criterion, MissingValue


def criterion_condition(criterion: Criterion, definitions: Definitions) -> Condition:
    """Build the condition of one criterion."""
    if criterion.modifier == "missing":
        return _missing(criterion)
    if criterion.parameter.code in COLUMNS:
        return _id(criterion) if criterion.parameter.code == "_id" else _last_updated(criterion)
    if criterion.parameter.code in FULL_TEXT:
        table: Table = "narrative" if criterion.parameter.code == "_text" else "content"
        return text.condition(table, criterion.sps, _only(TextValue, criterion.values))
    return _by_rows(criterion, definitions)


def _by_rows(criterion: Criterion, definitions: Definitions) -> Condition:
    """Let the parameter's type build the condition."""
    sps, modifier, values = criterion.sps, criterion.modifier, criterion.values
    match criterion.parameter.type:
        case "date":
            return date.condition(sps, _only(DateValue, values))
        case "number":
            return number.condition(sps, _only(NumberValue, values))
        case "quantity":
            return quantity.condition(sps, _only(QuantityValue, values))
        case "reference":
            return _reference(criterion, definitions)
        case "string":
            return string.condition(sps, modifier, _only(StringValue, values))
        case "token":
            return _token(criterion)
        case "uri":
            return uri.condition(sps, modifier, _only(UriValue, values))
        case "composite":
            return composite.condition(criterion.parameters, _only(CompositeValue, values))
        case "special":
            return special.condition(sps, _only(NearValue, values))


def _token(criterion: Criterion) -> Condition:
    sps, modifier = criterion.sps, criterion.modifier
    if modifier in coded.MODIFIERS:
        return coded.condition(sps, modifier, _only(CodesValue, criterion.values))
    tokens = [each for each in criterion.values if isinstance(each, TokenValue | OfTypeValue)]
    return token.condition(sps, modifier, tokens)


def _reference(criterion: Criterion, definitions: Definitions) -> Condition:
    """Build the condition of a reference; an alias takes external ones only of its type."""
    if criterion.modifier == "text":
        texts = _only(StringValue, criterion.values)
        return string.condition(tuple(marks_of(criterion.parameters)), None, texts)
    if criterion.parameter.enters_entry:
        entries = _only(ReferenceValue, criterion.values)
        return reference.entry_condition(criterion.sps, entries, definitions)
    if criterion.modifier in hierarchy.MODIFIERS:
        reached = _only(HierarchyValue, criterion.values)
        return hierarchy.condition(criterion.sps, reached, definitions)
    values = [value for value in criterion.values if isinstance(value, ReferenceValue | TokenValue)]
    external = [value for value in values if isinstance(value, ReferenceValue) and value.url]
    if criterion.parameter.alias_target is None or not external:
        return reference.condition(criterion.sps, criterion.modifier, values, definitions)
    # The mark of presence was set by the type that the reference names; its URL need not tell it.
    found = reference.condition(criterion.sps, None, external, definitions)
    conditions: list[Condition] = [AllOf((found, present(criterion.parameters)))]
    local = [value for value in values if value not in external]
    if local:
        conditions.append(reference.condition(criterion.sps, None, local, definitions))
    return any_condition(conditions)


Kind = TypeVar("Kind")


def _only(kind: type[Kind], values: Iterable[object]) -> list[Kind]:
    return [value for value in values if isinstance(value, kind)]


def _missing(criterion: Criterion) -> Condition:
    missing = criterion.values[0] == MissingValue(True)
    if criterion.parameter.code in COLUMNS:
        return Column(NEVER if missing else ALWAYS)
    found = present(criterion.parameters)
    return Not(found) if missing else found


def present(parameters: Sequence[SearchParameter]) -> Condition:
    """Build the condition that a resource has a value of one of the parameters."""
    return Column(Fragment("@.present && %s::smallint[]", (marks_of(parameters),)))


def without_place(parameters: Sequence[SearchParameter]) -> Condition:
    """Build the condition that a resource has no row that an order by the parameters could read."""
    marks = marks_of(parameters)
    absent = [-mark for mark in marks]
    text = "(NOT (@.present && %s::smallint[]) OR @.present && %s::smallint[])"
    return Column(Fragment(text, (marks, absent)))


def marks_of(parameters: Sequence[SearchParameter]) -> list[int]:
    """List the numbers of what parameters look at; an alias for one target type has its own."""
    return [
        mark for each in parameters for mark in ((each.id,) if each.alias_target else each.row_ids)
    ]


def _id(criterion: Criterion) -> Condition:
    ids = [value.code for value in _only(TokenValue, criterion.values) if not value.system]
    if criterion.modifier == "not":
        return Column(Fragment("@.id <> ALL(%s::text[])", (ids,)))
    if len(ids) == 1:
        return Column(Fragment("@.id = %s", (ids[0],)), unique=True)
    return Column(Fragment("@.id = ANY(%s::text[])", (ids,)), unique=True)


def _last_updated(criterion: Criterion) -> Condition:
    updated = either(_updated(value) for value in _only(DateValue, criterion.values))
    return Column(updated, of_version=True)


def _updated(value: DateValue) -> Fragment:
    """Compare `updated`, one microsecond wide.

    Rows become visible in the order of commits, not of `updated`: whoever asks for what is newer
    sees nothing of transactions that started after one that is still open, and so misses nothing.
    """
    text, ends, bounded = _UPDATED[value.prefix or "eq"]
    params = tuple(value.lo if end == "l" else value.hi for end in ends)
    if bounded:
        text += " AND @.xact < pg_snapshot_xmin(pg_current_snapshot())"
    return Fragment(text, params)


# SQL, which end of the query's interval each parameter is, and whether it looks for the newest.
_UPDATED: dict[Comparison, tuple[str, str, bool]] = {
    "eq": ("@.updated >= %s AND @.updated < %s", "lh", False),
    "ne": ("(@.updated < %s OR @.updated >= %s)", "lh", False),
    "gt": ("@.updated >= %s", "h", True),
    "ge": ("@.updated >= %s", "l", True),
    "sa": ("@.updated >= %s", "h", True),
    "lt": ("@.updated < %s", "l", False),
    "le": ("@.updated < %s", "h", False),
    "eb": ("@.updated < %s", "l", False),
    "ap": ("@.updated >= %s AND @.updated < %s", "lh", False),
    "po": ("@.updated >= %s AND @.updated < %s", "lh", False),
    "co": ("@.updated <= %s AND @.updated + 1 >= %s", "lh", False),
}
