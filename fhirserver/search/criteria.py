"""Search criteria: parameters with modifiers and values, chains and `_has`.

Spec: https://hl7.org/fhir/R4/search.html#chaining and https://hl7.org/fhir/R4/search.html#has

    clause = "_has:" type ":" code ":" clause
           | code [":" type] "." clause
           | code [":" modifier]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

from fhirserver.definitions import FULL_TEXT, SearchParameter
from fhirserver.errors import InvalidSearchError, NotSupportedError
from fhirserver.search.context import SearchContext
from fhirserver.search.escape import split
from fhirserver.search.looked_at import looked_at
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
from fhirserver.search.query import Chain, Clause, Criterion, Has, MissingValue, Value
from fhirserver.search.refusal import (
    OverLimitError,
    UnknownParameterError,
    invalid_value,
    not_indexed,
    not_offered,
    over_limit,
    unknown_parameter,
    withheld,
)

_TYPES: dict[str, ModuleType] = {
    "composite": composite,
    "date": date,
    "number": number,
    "quantity": quantity,
    "reference": reference,
    "special": special,
    "string": string,
    "token": token,
    "uri": uri,
}
_ALIASES = {"ofType": "of-type"}
_NOT_HERE = {
    "_filter": "it stands by itself, in no chain and no other parameter.",
    "_list": "it stands by itself, in no chain and no other parameter.",
    "_query": "this server has no named queries.",
}
"""Parameters that are no criteria of a type, and why."""
COLUMNS = {"_id": frozenset({"not"}), "_lastUpdated": frozenset[str]()}
"""Parameters that are columns of a resource, and the modifiers they take besides `:missing`."""
UNQUALIFIED_TARGETS_MAX = 20
"""A reference that may point at more types than this is only chained with a type."""


@dataclass(frozen=True, slots=True)
class Given:
    """One parameter as given: its whole name, for errors, and its value."""

    name: str
    value: str


def parse_clause(
    given: Given, name: str, types: Sequence[str], context: SearchContext, depth: int = 0
) -> Clause:
    """Parse one criterion, chain or `_has`.

    Args:
        given: the parameter as given.
        name: what is left of its name, e.g. "name:exact" of "subject:Patient.name:exact".
        types: the types it applies to; the parameter must exist on each of them.
        context: what surrounds the query.
        depth: links of the chain so far.

    Raises:
        InvalidSearchError: unknown parameter, or a value that does not fit.
        NotSupportedError: a modifier or parameter that is not offered here.
    """
    if depth > context.limits.chain_depth:
        raise over_limit(given.name, "links in a chain", context.limits.chain_depth)
    if name.startswith("_has:"):
        return _parse_has(given, name, types, context, depth)
    head, dot, rest = name.partition(".")
    code, colon, modifier = head.partition(":")
    if colon and not modifier:
        raise invalid_value(given.name, given.value, "a modifier is missing after the colon")
    parameters = find_parameter(code, types, context, given.name)
    parameter = parameters[0]
    if dot:
        link = Link(parameters, modifier or None)
        return chain_on(
            given,
            link,
            context,
            lambda target: parse_clause(given, rest, (target,), context, depth + 1),
        )
    modifier = _ALIASES.get(modifier, modifier)
    _check_modifier(given.name, parameter, modifier, context)
    return Criterion(parameters, modifier or None, _values(given, parameter, modifier, context))


def find_parameter(
    code: str, types: Sequence[str], context: SearchContext, name: str
) -> tuple[SearchParameter, ...]:
    """Find a parameter's definition on every type.

    Raises:
        UnknownParameterError: a type lacks it, or has another kind of parameter of that name.
        NotSupportedError: it is known and not indexed.
        UnavailableError: resources are still being indexed for it.
        ForbiddenError: it looks at elements that are withheld from the caller.
    """
    found: list[SearchParameter] = []
    for type_name in types:
        parameters = context.definitions.search_parameters(type_name)
        parameter = parameters.get(code)
        if code in _NOT_HERE or (parameter is not None and not parameter.supported):
            raise not_offered(name, f"The parameter {code!r}", _instead(code))
        if parameter is None or (found and parameter.type != found[0].type):
            raise unknown_parameter(code, type_name, parameters, among=len(types))
        hidden = looked_at(parameter, context.masks.get(type_name, ()))
        if hidden:
            raise withheld(name, parameter.code, type_name, hidden)
        if parameter.pending is not None:
            raise not_indexed(name, parameter.code, type_name, parameter.pending)
        found.append(parameter)
    return tuple(found)


def _instead(code: str) -> str:
    if code in FULL_TEXT:
        return "its words are not indexed, see the setting FHIRSERVER_FULL_TEXT."
    return _NOT_HERE.get(code, "leave it out.")


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a chain: the reference, and the type named for its target."""

    parameters: tuple[SearchParameter, ...]
    qualifier: str | None


def chain_on(
    given: Given, link: Link, context: SearchContext, inner: Callable[[str], Clause]
) -> Chain:
    """Build a chain.

    Args:
        given: the parameter as given.
        link: the reference.
        context: what surrounds the query.
        inner: gives what a target of a type must fulfil, or raises what a search of it raises.

    Raises:
        InvalidSearchError: no reference, a type that it never points at, or none that fits.
    """
    parameter = link.parameters[0]
    if parameter.type != "reference":
        raise invalid_value(
            given.name, given.value, f"{parameter.code!r} is no reference, so nothing chains on it"
        )
    possible = reference.target_types(parameter, context.definitions)
    if link.qualifier is not None:
        if link.qualifier not in possible:
            raise invalid_value(
                given.name,
                given.value,
                f"{parameter.code!r} never points at {link.qualifier!r}, but at one of"
                f" {', '.join(possible[:20])}",
            )
        possible = (link.qualifier,)
    if len(possible) > UNQUALIFIED_TARGETS_MAX:
        raise invalid_value(
            given.name, given.value, f"name the target's type, as {parameter.code}:Patient.name"
        )
    targets: list[tuple[str, Clause]] = []
    refusal: InvalidSearchError | NotSupportedError | None = None
    for name in possible:
        try:
            targets.append((name, inner(name)))
        except OverLimitError:
            raise
        except (InvalidSearchError, NotSupportedError) as error:
            # That one of many types lacks the parameter says less than what is wrong with it.
            if refusal is None or type(error) is not UnknownParameterError:
                refusal = error
    if not targets:
        assert refusal is not None
        raise refusal
    return Chain(link.parameters, link.qualifier, tuple(targets))


def _parse_has(
    given: Given, name: str, types: Sequence[str], context: SearchContext, depth: int
) -> Has:
    parts = name.split(":", 3)
    if len(parts) != 4 or not all(parts):
        raise invalid_value(
            given.name, given.value, "write _has:Type:reference:parameter, e.g."
            " _has:Observation:patient:code",
        )  # fmt: skip
    _, source, code, rest = parts
    if source not in context.definitions.resource_types:
        raise invalid_value(given.name, given.value, f"{source!r} is no resource type")
    (parameter,) = find_parameter(code, (source,), context, given.name)
    possible = reference.target_types(parameter, context.definitions)
    if parameter.type != "reference" or not set(possible) & set(types):
        raise invalid_value(
            given.name,
            given.value,
            f"{source}.{code} is no reference to {' or '.join(types[:5])}",
        )
    return Has(
        source,
        parameter,
        tuple(types),
        parse_clause(given, rest, (source,), context, depth + 1),
    )


def _check_modifier(
    name: str, parameter: SearchParameter, modifier: str, context: SearchContext
) -> None:
    if modifier in ("", "missing"):
        return
    module = text if parameter.code in FULL_TEXT else _TYPES[parameter.type]
    allowed = COLUMNS.get(parameter.code, module.MODIFIERS)
    if parameter.enters_entry:
        allowed = frozenset()
    if modifier in allowed:
        return
    if parameter.type == "reference" and context.definitions.is_resource_type(modifier):
        possible = reference.target_types(parameter, context.definitions)
        if modifier in possible:
            return
        raise not_offered(
            name, f"The type {modifier!r}", f"it points at one of {', '.join(possible[:20])}."
        )
    offered = ", ".join(f":{each}" for each in sorted({*allowed, "missing"}))
    raise not_offered(
        name, f"The modifier {modifier!r}", f"{parameter.type} parameters take {offered}."
    )


def _values(
    given: Given, parameter: SearchParameter, modifier: str, context: SearchContext
) -> tuple[Value, ...]:
    parts = split(given.value, ",")
    if parameter.type == "composite" and modifier != "missing":
        parts = _spread(given, parts, context)
    if len(parts) > context.limits.values:
        raise over_limit(given.name, "values", context.limits.values)
    parse = _parse_missing if modifier == "missing" else parser_of(parameter, modifier, context)
    if not all(parts):
        raise invalid_value(given.name, given.value, "a value is missing")
    values: list[Value] = []
    for part in parts:
        try:
            values.append(parse(part))
        except ValueError as error:
            raise invalid_value(given.name, part, str(error)) from None
    if modifier == "missing" and len(values) > 1:
        raise invalid_value(given.name, given.value, "use true or false, one of them")
    return tuple(values)


def _spread(given: Given, parts: Sequence[str], context: SearchContext) -> list[str]:
    """Write alternatives of a composite's first part out, within the limit of a value."""
    found: list[str] = []
    chars = 0
    for part in composite.spread(parts):
        chars += len(part)
        if chars > context.limits.value_chars:
            raise over_limit(given.name, "characters", context.limits.value_chars)
        found.append(part)
    return found


def _parse_missing(value: str) -> MissingValue:
    if value not in ("true", "false"):
        raise ValueError("use true or false")
    return MissingValue(value == "true")


def parser_of(
    parameter: SearchParameter, modifier: str, context: SearchContext
) -> Callable[[str], Value]:
    """Choose the function that parses one value of a parameter."""
    match parameter.type:
        case "date":
            return lambda value: date.parse(value, now_us=context.now_us)
        case "reference":
            return _reference_parser(parameter, modifier, context)
        case "token":
            return _token_parser(modifier, context)
        case "composite":
            parsers = _part_parsers(parameter, context)
            return lambda value: composite.parse(value, parsers)
        case kind:
            return text.parse if parameter.code in FULL_TEXT else _PARSERS[kind]


_PARSERS: dict[str, Callable[[str], Value]] = {
    "number": number.parse,
    "quantity": quantity.parse,
    "special": special.parse,
    "string": string.parse,
    "uri": uri.parse,
}
"""Parsers of values that depend on nothing else."""


def _token_parser(modifier: str, context: SearchContext) -> Callable[[str], Value]:
    if modifier in coded.MODIFIERS:
        return lambda text: coded.parse(text, modifier, context.terminology)
    return lambda text: token.parse(text, modifier)


def _reference_parser(
    parameter: SearchParameter, modifier: str, context: SearchContext
) -> Callable[[str], Value]:
    if modifier == "text":
        return string.parse
    if modifier in hierarchy.MODIFIERS:
        plain = _reference_parser(parameter, "", context)
        return lambda text: hierarchy.parse(
            modifier, plain(text), context.definitions, context.hierarchies
        )
    return lambda text: reference.parse(
        text, modifier or None, parameter, context.definitions, context.base_url
    )


def _part_parsers(
    parameter: SearchParameter, context: SearchContext
) -> list[tuple[str, Callable[[str], Value]]]:
    known = context.definitions.search_parameters(parameter.base)
    return [(part.code, parser_of(known[part.code], "", context)) for part in parameter.components]
