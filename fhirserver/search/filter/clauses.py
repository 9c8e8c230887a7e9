"""Expression of a filter -> clauses of a query. Pure.

Spec: https://hl7.org/fhir/R4/search_filter.html#ops

Every comparison becomes the criterion that an ordinary parameter becomes, so whatever narrows a
search narrows a filter. What R4's table calls n/a is refused. A test holds if one of the values of
a path fulfils it; `ne` too: one value is another. Only `ni` and `pr false` speak of all of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fhirserver.definitions import FULL_TEXT, SearchParameter
from fhirserver.errors import InvalidSearchError, NotSupportedError
from fhirserver.search.context import SearchContext
from fhirserver.search.criteria import (
    Given,
    Link,
    chain_on,
    find_parameter,
    parse_clause,
    parser_of,
)
from fhirserver.search.escape import escape, split
from fhirserver.search.filter.read import FilterSyntaxError, FilterTooLargeError, read_filter
from fhirserver.search.filter.tree import (
    Comparison,
    Expression,
    Junction,
    Negation,
    Operator,
    Step,
)
from fhirserver.search.params.date import DateValue
from fhirserver.search.query import (
    Clause,
    Criterion,
    Either,
    Every,
    Filter,
    MissingValue,
    Value,
    Without,
)
from fhirserver.search.refusal import invalid_value, over_limit

NAME = "_filter"
NUMERIC: tuple[Operator, ...] = ("eq", "ne", "gt", "lt", "ge", "le", "ap", "sa", "eb", "pr")
OPERATORS_OF: dict[str, tuple[Operator, ...]] = {
    "string": ("eq", "ne", "co", "sw", "ew", "gt", "lt", "ge", "le", "pr"),
    "number": NUMERIC,
    "quantity": NUMERIC,
    "date": (*NUMERIC, "co", "po"),
    "token": ("eq", "ne", "ss", "sb", "in", "ni", "pr"),
    "reference": ("re", "pr"),
    "uri": ("eq", "pr"),
    "composite": ("eq", "pr"),
    "special": ("eq", "pr"),
}
"""What each type of parameter takes."""
_OPERATORS_OF_CODE: dict[str, tuple[Operator, ...]] = {
    "_id": ("eq", "ne", "pr"),
    **dict.fromkeys(FULL_TEXT, ("eq", "pr")),
}
"""Parameters that take less than their type does."""

SYSTEMS = {
    "loinc": "http://loinc.org",
    "snomed": "http://snomed.info/sct",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ucum": "http://unitsofmeasure.org",
}
"""Names that stand for code systems in tokens and quantities."""

_OF_CONCEPTS: dict[str, str] = {"ss": "below", "sb": "above", "in": "in", "ni": "in"}
"""Operators on concepts, and the modifiers of ordinary parameters that say the same."""
_MODIFIERS: dict[tuple[str, str], str] = {("string", "co"): "contains", ("_id", "ne"): "not"}
"""Modifiers that say the same as an operator; where there is none, the operator stands for it."""
_PLAIN = frozenset({("string", "sw"), ("token", "eq")})
"""Operators that say what a parameter without a modifier says."""


def parse_filter(given: Given, types: Sequence[str], context: SearchContext) -> Filter:
    """Parse a `_filter`.

    Raises:
        InvalidSearchError: a text that is no filter, an operator or value that does not fit, a
            limit exceeded.
        NotSupportedError: known to FHIR and not offered here.
    """
    limits = context.limits
    try:
        expression = read_filter(given.value, terms=limits.filter_terms, depth=limits.filter_depth)
    except FilterTooLargeError as error:
        raise over_limit(NAME, error.limit, error.most) from None
    except FilterSyntaxError as error:
        raise invalid_value(NAME, given.value, str(error)) from None
    clause = _clause(expression, _Within(tuple(types), context))
    return Filter(expression, tuple(_conjuncts(clause)))


def _conjuncts(clause: Clause) -> Iterator[Clause]:
    """Take apart what must hold together: each part may be what a search begins with."""
    if isinstance(clause, Every):
        for each in clause.clauses:
            yield from _conjuncts(each)
    else:
        yield clause


@dataclass(frozen=True, slots=True)
class _Within:
    """What an expression speaks of: resources of some types, at the end of so many links."""

    types: tuple[str, ...]
    context: SearchContext
    depth: int = 0


def _clause(expression: Expression, within: _Within) -> Clause:
    match expression:
        case Comparison():
            return _located(expression, within)
        case Junction(joint, parts):
            clauses = tuple(_clause(part, within) for part in parts)
            return Every(clauses) if joint == "and" else Either(clauses)
        case Negation(inner):
            return Without(_clause(inner, within))


def _located(comparison: Comparison, within: _Within) -> Clause:
    """Say in every refusal where in the filter it arose."""
    try:
        return _comparison(comparison, within)
    except (InvalidSearchError, NotSupportedError) as refusal:
        if within.depth > 0:
            raise
        said = refusal.issues[0].diagnostics
        place = f"{said} This is the test at character {comparison.position} of '_filter'."
        raise type(refusal)(place, expression=(f"http.{NAME}",)) from None


def _comparison(comparison: Comparison, within: _Within) -> Clause:
    """Build a test; what speaks of all values of the path is the opposite of one that does not."""
    if comparison.operator == "ni":
        return Without(_along(comparison.path, replace(comparison, operator="in"), within))
    if comparison.operator == "pr":
        if comparison.value not in ("true", "false"):
            raise invalid_value(NAME, comparison.value, "pr takes true or false")
        found = _along(comparison.path, comparison, within)
        return found if comparison.value == "true" else Without(found)
    return _along(comparison.path, comparison, within)


def _along(path: Sequence[Step], comparison: Comparison, within: _Within) -> Clause:
    """Follow the references of a path."""
    step, *rest = path
    parameters = find_parameter(step.code, within.types, within.context, NAME)
    if not rest:
        return _test(parameters, comparison, within)
    most = within.context.limits.chain_depth
    if within.depth >= most:
        raise over_limit(NAME, "links in a chain", most)

    def inner(target: str) -> Clause:
        there = _Within((target,), within.context, within.depth + 1)
        found = _along(rest, comparison, there)
        return found if step.filter is None else Every((_clause(step.filter, there), found))

    given = Given(NAME, step.code)
    return chain_on(given, Link(parameters, step.qualifier), within.context, inner)


def _test(
    parameters: tuple[SearchParameter, ...], comparison: Comparison, within: _Within
) -> Clause:
    parameter, operator = parameters[0], comparison.operator
    less = _OPERATORS_OF_CODE.get(parameter.code)
    allowed = less or OPERATORS_OF[parameter.type]
    if operator not in allowed:
        which = f"'{parameter.code}'" if less else f"a {parameter.type} parameter"
        raise invalid_value(
            NAME, f"{parameter.code} {operator}", f"{which} is compared by {', '.join(allowed)}"
        )
    if operator == "pr":
        return Criterion(parameters, "missing", (MissingValue(missing=False),))
    if operator in _OF_CONCEPTS:
        name = f"{parameter.code}:{_OF_CONCEPTS[operator]}"
        text = r"\,".join(split(_value_text(parameter, comparison.value), ","))
        return parse_clause(Given(NAME, text), name, within.types, within.context, within.depth)
    try:
        value = _value(parameter, comparison, within.context)
    except ValueError as error:
        raise invalid_value(NAME, comparison.value, str(error)) from None
    return Criterion(parameters, _modifier(parameter, operator), (value,))


def _modifier(parameter: SearchParameter, operator: Operator) -> str | None:
    if (
        parameter.code in FULL_TEXT
        or (parameter.type, operator) in _PLAIN
        or parameter.type not in ("string", "token")
    ):
        return None
    known = _MODIFIERS.get((parameter.code, operator))
    return known or _MODIFIERS.get((parameter.type, operator), operator)


def _value(parameter: SearchParameter, comparison: Comparison, context: SearchContext) -> Value:
    """Parse a value; the operators of numbers and dates are their prefixes."""
    text, operator = _value_text(parameter, comparison.value), comparison.operator
    parse = parser_of(parameter, "", context)
    if parameter.type == "date" and operator in ("po", "co"):
        value = parse(f"eq{text}")
        assert isinstance(value, DateValue)
        return replace(value, prefix="po" if operator == "po" else "co")
    if parameter.type in ("date", "number", "quantity"):
        return parse(operator + text)
    return parse(text)


def _value_text(parameter: SearchParameter, value: str) -> str:
    """Write a value as an ordinary parameter takes it."""
    if parameter.type in ("string", "uri"):
        return escape(value)
    if parameter.type not in ("token", "quantity"):
        return value
    parts = split(value, "|")
    number = 0 if parameter.type == "token" else 1
    if len(parts) > number + 1:
        parts[number] = SYSTEMS.get(parts[number], parts[number])
    return "|".join(parts)
