"""Refusals of search parameters: each names the parameter, the value and what is allowed."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from fhirserver.errors import (
    FhirError,
    ForbiddenError,
    InvalidSearchError,
    Issue,
    NotSupportedError,
    UnavailableError,
)


class UnknownParameterError(InvalidSearchError):
    """No such parameter on the type searched; a lenient search leaves it out."""


class OverLimitError(InvalidSearchError):
    """More of something than a search may ask for, whatever a chain leads to."""


def unknown_parameter(
    name: str, where: str, known: Iterable[str], *, among: int = 1
) -> UnknownParameterError:
    """Say that a type has no such parameter, and which ones come near.

    Args:
        name: of the parameter.
        where: the type.
        known: what it has.
        among: number of types searched.
    """
    near = get_close_matches(name, list(known), n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    if among > 1:
        hint += " A search of several types takes what all of them have; _type says which."
    return UnknownParameterError(
        f"{where} has no search parameter {name!r}.{hint} GET /metadata lists those of every type.",
        expression=(f"http.{name}",),
    )


def left_out(name: str, refusal: FhirError) -> Issue:
    """Say that a lenient search left a parameter out, and why.

    Args:
        name: of the parameter with its modifier, as sent.
        refusal: what a strict search answers.
    """
    first = refusal.issues[0]
    return Issue(
        "warning",
        "not-supported",
        f"The search left out {name[:100]!r}, as Prefer: handling=lenient allows, so it may find "
        f"more than was meant. {first.diagnostics}",
        first.expression,
    )


def not_offered(name: str, what: str, instead: str) -> NotSupportedError:
    """Say that FHIR defines something that this server does not search by."""
    return NotSupportedError(
        f"{what} in search parameter {name!r} is not supported here; {instead}",
        expression=(f"http.{name}",),
    )


def not_indexed(name: str, code: str, type_name: str, definer: str) -> UnavailableError:
    """Say that resources are still being indexed for a parameter of one's own.

    Args:
        name: of the parameter, as sent.
        code: of the parameter that is not ready.
        type_name: the type it is used on.
        definer: id of the SearchParameter that defines it.
    """
    return UnavailableError(
        f"Search parameter {name[:100]!r}: {code} of {type_name} is defined, and resources are "
        f"still being indexed for it. SearchParameter/{definer}/$status tells how far.",
        retry_after_s=10,
    )


def withheld(name: str, code: str, type_name: str, elements: Sequence[str]) -> ForbiddenError:
    """Say that a parameter looks at elements that are withheld from the caller.

    Args:
        name: of the parameter, as sent.
        code: of the parameter that looks at them.
        type_name: the type it is used on.
        elements: what it looks at.
    """
    return ForbiddenError(
        f"Search parameter {name[:100]!r}: {code} of {type_name} looks at {', '.join(elements)}, "
        "which the caller's role does not see; leave it out.",
        expression=(f"http.{name}",),
    )


def invalid_value(name: str, value: str, allowed: str) -> InvalidSearchError:
    """Say what is wrong with a value and what fits."""
    shown = value if len(value) <= 100 else value[:100] + "..."
    return InvalidSearchError(
        f"Search parameter {name!r} cannot take {shown!r}: {allowed}.",
        expression=(f"http.{name}",),
    )


def over_limit(name: str, limit: str, most: int) -> OverLimitError:
    """Say which limit a query exceeds."""
    return OverLimitError(
        f"Search parameter {name!r} exceeds the limit of {most} {limit}; split the search.",
        expression=(f"http.{name}",),
    )
