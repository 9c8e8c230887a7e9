"""Query parameters -> Query. Pure.

Spec: https://hl7.org/fhir/R4/search.html

Parameters are joined by AND, values separated by commas by OR. A search is strict unless the
context says lenient: whatever it does not know or offer is refused, never left out in silence.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

from fhirserver.errors import Issue, NotSupportedError
from fhirserver.search.confinement import patients_of
from fhirserver.search.context import SearchContext
from fhirserver.search.criteria import Given, parse_clause
from fhirserver.search.filter.clauses import parse_filter
from fhirserver.search.lists import parse_list
from fhirserver.search.query import Clause, Compartment, Include, Query
from fhirserver.search.refusal import (
    OverLimitError,
    UnknownParameterError,
    invalid_value,
    left_out,
    not_offered,
    over_limit,
)
from fhirserver.search.results import (
    parse_contained,
    parse_contained_type,
    parse_count,
    parse_elements,
    parse_include,
    parse_sort,
    parse_summary,
    parse_total,
    parse_types,
)
from fhirserver.search.size import tests_of

Pairs = Sequence[tuple[str, str]]

_ONCE = (
    "_count", "_total", "_summary", "_elements", "_sort", "_type", "_contained", "_containedType",
)  # fmt: skip
_INCLUDES = ("_include", "_revinclude")


def parse(
    pairs: Pairs,
    types: Sequence[str] | None,
    context: SearchContext,
    *,
    compartment: tuple[str, str] | None = None,
) -> Query:
    """Parse a search.

    Args:
        pairs: names with modifiers and values, decoded, in their order.
        types: the type that the URL names; None where it names none, then `_type` decides.
        context: what surrounds the query.
        compartment: (code, id) where the URL names one, e.g. ("Patient", "23").

    Raises:
        InvalidSearchError: an unknown parameter, a value that does not fit, a limit exceeded.
        NotSupportedError: known to FHIR and not offered here.
    """
    _check_pairs(pairs, context)
    taken = _take_apart(pairs)
    searched = _types(types, taken.once.get("_type"), context, compartment)
    criteria, ignored = _criteria(taken.criteria, searched, context)
    criteria += _lists(taken.lists, searched, criteria, compartment, context)
    _check_tests(sum(map(tests_of, criteria)), context)
    once = taken.once
    return Query(
        types=searched,
        whole_system=types is None,
        criteria=tuple(dict.fromkeys(criteria)),
        compartment=Compartment(*compartment) if compartment else None,
        sort=parse_sort(once["_sort"], searched, context) if "_sort" in once else (),
        count=parse_count(once["_count"], context) if "_count" in once else None,
        total=parse_total(once["_total"]) if "_total" in once else None,
        summary=parse_summary(once["_summary"]) if "_summary" in once else None,
        elements=(
            parse_elements(once["_elements"], searched, context) if "_elements" in once else ()
        ),
        include=_includes(taken.includes, "_include", searched, context),
        revinclude=_includes(
            taken.includes, "_revinclude", context.definitions.resource_types, context
        ),
        contained=parse_contained(once["_contained"]) if "_contained" in once else None,
        contained_type=(
            parse_contained_type(once["_containedType"]) if "_containedType" in once else None
        ),
        ignored=ignored,
    )


def _criteria(
    given: Sequence[Given], types: Sequence[str], context: SearchContext
) -> tuple[list[Clause], tuple[Issue, ...]]:
    """Parse what chooses resources, and say what a lenient search leaves out."""
    criteria: list[Clause] = []
    ignored: list[Issue] = []
    tests = 0
    for each in given:
        try:
            clause = _criterion(each, types, context)
            criteria.append(clause)
            tests += tests_of(clause)
            _check_tests(tests, context)
        except (UnknownParameterError, NotSupportedError) as refusal:
            if not context.lenient:
                raise
            ignored.append(left_out(each.name, refusal))
    return criteria, tuple(ignored)


def _check_tests(tests: int, context: SearchContext) -> None:
    most = context.limits.tests
    if tests > most:
        raise OverLimitError(
            f"The parameters of this search have more than the limit of {most} values together,"
            " each counted once for every type that a chain before it may lead to; split the search"
            " or name the types."
        )


def _lists(
    given: Sequence[Given],
    types: Sequence[str],
    criteria: Sequence[Clause],
    compartment: tuple[str, str] | None,
    context: SearchContext,
) -> list[Clause]:
    """Parse each `_list`; whose functional lists are meant, the rest of the search says."""
    if not given:
        return []
    if compartment is not None and compartment[0] == "Patient":
        patients: Sequence[str] = (compartment[1],)
    else:
        patients = patients_of(criteria, types, context.definitions)
    return [parse_list(each, types, patients, context) for each in given]


def _criterion(given: Given, types: Sequence[str], context: SearchContext) -> Clause:
    code, colon, _ = given.name.partition(":")
    special = _SPECIAL.get(code)
    if special is not None:
        if colon:
            raise invalid_value(given.name, given.value, "this parameter takes no modifier")
        return special(given, types, context)
    return parse_clause(given, given.name, types, context)


_SPECIAL = {"_filter": parse_filter}
"""What has a grammar of its own, and no modifiers."""


@dataclass(slots=True)
class _Taken:
    """The pairs, sorted by what they are for."""

    once: dict[str, str] = field(default_factory=dict)
    includes: list[tuple[str, str]] = field(default_factory=list)
    lists: list[Given] = field(default_factory=list)
    criteria: list[Given] = field(default_factory=list)


def _take_apart(pairs: Pairs) -> _Taken:
    taken = _Taken()
    for name, value in pairs:
        if name in _ONCE:
            if name in taken.once:
                raise invalid_value(name, value, "give this parameter once")
            taken.once[name] = value
        elif name.partition(":")[0] in _ONCE:
            raise invalid_value(name, value, "this parameter takes no modifier")
        elif name.partition(":")[0] in _INCLUDES:
            taken.includes.append((name, value))
        elif name.partition(":")[0] == "_list":
            taken.lists.append(Given(name, value))
        else:
            taken.criteria.append(Given(name, value))
    return taken


def _check_pairs(pairs: Pairs, context: SearchContext) -> None:
    limits = context.limits
    if len(pairs) > limits.parameters:
        raise over_limit(pairs[-1][0][:100], "search parameters", limits.parameters)
    for name, value in pairs:
        if len(name) > 1000 or len(value) > limits.value_chars:
            raise over_limit(name[:100], "characters", limits.value_chars)
        for text in (name, value):
            if not text.isprintable() and any(unicodedata.category(c) in _REFUSED for c in text):
                raise invalid_value(
                    name.encode("ascii", "replace").decode(), value,
                    "control characters and half surrogates are not allowed",
                )  # fmt: skip


_REFUSED = frozenset({"Cc", "Cs"})


def _types(
    types: Sequence[str] | None,
    asked: str | None,
    context: SearchContext,
    compartment: tuple[str, str] | None,
) -> tuple[str, ...]:
    if types is not None:
        if asked is not None:
            raise not_offered(
                "_type", f"The value {asked!r}", f"the URL already names {', '.join(types)}."
            )
        return tuple(sorted(types))
    allowed = context.definitions.resource_types
    if compartment is not None:
        members = context.definitions.compartment(compartment[0])
        allowed = tuple(sorted(name for name in members if members[name]))
    return parse_types(asked, allowed) if asked is not None else allowed


def _includes(
    given: Sequence[tuple[str, str]], base: str, sources: Sequence[str], context: SearchContext
) -> tuple[Include, ...]:
    """Parse includes of one direction; `sources` hold the references of those by `*`."""
    if len(given) > context.limits.includes:
        raise over_limit(base, "includes", context.limits.includes)
    found = (
        parse_include(name, value, sources, context)
        for name, value in given
        if name.partition(":")[0] == base
    )
    return tuple(dict.fromkeys(found))
