"""Sources: the rows that a search begins with. Pure.

IndexSource        rows of one criterion in its index table
CompartmentSource  references that put resources into the patients' compartments
ResourceSource     rows of `resource`
"""

from collections.abc import Sequence
from dataclasses import dataclass

from fhirserver.search.conditions import BY_MAIN_DATE, Column, Condition, Key, Owners, Rows
from fhirserver.search.query import Clause, Criterion
from fhirserver.search.scope import Scope


@dataclass(frozen=True, slots=True)
class IndexSource:
    """Rows of one criterion.

    Attributes:
        rows: which.
        scope: patients in whose compartments; None takes one copy of each row.
    """

    rows: Rows
    scope: Scope | None


@dataclass(frozen=True, slots=True)
class CompartmentSource:
    """Everything of some types in the patients' compartments.

    Attributes:
        sps: reference parameters that make the membership.
        scope: the patients.
        with_patients: the patients themselves are wanted, too.
    """

    sps: tuple[int, ...]
    scope: Scope
    with_patients: bool


@dataclass(frozen=True, slots=True)
class OwnerSource:
    """Patients in whose compartments there are rows of one criterion.

    Attributes:
        owners: which.
    """

    owners: Owners


@dataclass(frozen=True, slots=True)
class ResourceSource:
    """Live rows of `resource`.

    Attributes:
        tids: numbers of the types; empty for all.
        scope: patients in whose compartments conditions say that they are; None for no limits.
    """

    tids: tuple[int, ...]
    scope: Scope | None = None


Source = IndexSource | CompartmentSource | OwnerSource | ResourceSource

COARSE = frozenset({"category", "class", "intent", "priority", "type", "use", "_tag", "_security"})
"""Codes of token parameters that usually have few values, each common."""


def best_rows(
    found: Sequence[tuple[Clause | None, Condition]], scope: Scope | None
) -> Rows | Owners | None:
    """Choose the criterion that probably leaves the fewest rows."""
    candidates = [
        (_rank(clause, condition, scope), number)
        for number, (clause, condition) in enumerate(found)
        if isinstance(condition, Rows)
    ]
    owners = [each.owners for _, each in found if isinstance(each, Key) and each.owners]
    if owners and scope is None and (not candidates or min(candidates)[0] >= _OWNERS_RANK):
        return owners[0]
    if not candidates:
        return None
    condition = found[min(candidates)[1]][1]
    assert isinstance(condition, Rows)
    return condition


def best_tokens(found: Sequence[tuple[Clause | None, Condition]]) -> Rows | None:
    """Choose the best criterion whose rows an index gives in the order of the main date."""
    tokens = [
        (_rank(clause, condition, None), number)
        for number, (clause, condition) in enumerate(found)
        if isinstance(condition, Rows) and condition.order == BY_MAIN_DATE
    ]
    if not tokens:
        return None
    condition = found[min(tokens)[1]][1]
    assert isinstance(condition, Rows)
    return condition


def selects_by_id(conditions: Sequence[Condition]) -> bool:
    """Whether a condition names the ids."""
    return any(isinstance(each, Column) and each.unique for each in conditions)


def is_found_by_value(rows: Rows) -> bool:
    """Whether indexes give the rows by value in all compartments; of strings they give one copy."""
    return bool(rows.order) and rows.table in ("token", "composite", "date", "quantity")


_TABLE_RANK = {"composite": 2, "ref": 2, "string": 4, "date": 6, "quantity": 6, "token": 8}
_UNORDERED = 8
_OWNERS_RANK = 5


def _rank(clause: Clause | None, rows: Rows, scope: Scope | None) -> int:
    """Rank a criterion; the lowest comes first.

    Within a compartment every index begins with the patient: composites go first, as they say
    most, then tokens, then dates, and references last, because a test of one reference is one
    exact look-up.
    """
    if not isinstance(clause, Criterion):
        return 3 if clause is None else 7
    if not rows.order:
        return _UNORDERED
    if rows.order == BY_MAIN_DATE:
        rank = _token_rank(clause)
        return rank - 10 if scope is not None else rank
    if scope is not None:
        return {"composite": -10, "date": -2, "string": -1, "quantity": 0}.get(rows.table, 1)
    return _TABLE_RANK[rows.table]


def _token_rank(clause: Criterion) -> int:
    if clause.parameter.implicit_system is not None:
        return 6
    if clause.parameter.code in COARSE:
        return 5
    return 1 if clause.parameter.code == "identifier" else 3
