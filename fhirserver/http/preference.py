"""Preference-Applied: which wishes of Prefer an answer fulfils.

Spec: RFC 7240 section 3; https://hl7.org/fhir/R4/http.html#return

    respond-async   search, history, batch: the answer is 202
    handling        search, history
    return          writes and batch; a delete has no representation

What stands in Prefer and not here was ignored.
"""

from collections.abc import Iterator

from fhirserver.http.headers import Prefer
from fhirserver.http.response import Header

_LISTS = frozenset(
    (
        *("search-type", "search-system", "search-compartment"),
        *("history-instance", "history-type", "history-system"),
    )
)
_DELETES = frozenset(("delete", "conditional-delete"))
_WRITES = frozenset(
    (
        *("create", "update", "patch", "batch", "conditional-update", "conditional-patch"),
        *_DELETES,
    )
)


def preference_applied(prefer: Prefer, interaction: str, status: int) -> list[Header]:
    """Give the header, or nothing. Pure.

    Args:
        prefer: what the caller prefers.
        interaction: FHIR's code.
        status: of the answer.
    """
    applied = ", ".join(_applied(prefer, interaction, status))
    return [("Preference-Applied", applied)] if applied else []


def _applied(prefer: Prefer, interaction: str, status: int) -> Iterator[str]:
    if prefer.respond_async and status == 202 and interaction in _LISTS | {"batch"}:
        yield "respond-async"
    if prefer.handling is not None and interaction in _LISTS:
        yield f"handling={prefer.handling}"
    kept = interaction in _WRITES and not (
        interaction in _DELETES and prefer.returns == "representation"
    )
    if prefer.returns is not None and kept:
        yield f"return={prefer.returns}"
