"""Criteria held against a single resource that no index has: an old version, or content to come.

Pure. They say just what the same criteria find in the index, so only those parameters are taken
whose values are compared for equality:

    token, uri     without a modifier
    reference      without a modifier, or with a type
    any            :missing
    _id            without a modifier
"""

from collections.abc import Sequence

from fhirserver.search.criteria import COLUMNS
from fhirserver.search.criterion import marks_of
from fhirserver.search.extract import IndexRows
from fhirserver.search.keys import EXTERNAL_OFFSET, short_key, system_key
from fhirserver.search.params.reference import ReferenceValue
from fhirserver.search.params.token import TokenValue
from fhirserver.search.params.uri import UriValue
from fhirserver.search.query import Clause, Criterion, MissingValue

_HELD = (ReferenceValue, TokenValue, UriValue)
_WITH_MODIFIERS = frozenset({"identifier", "text", "below", "above"})


def can_be_held(clause: Clause) -> bool:
    """Tell whether a clause is one of those above."""
    if not isinstance(clause, Criterion) or clause.parameter.enters_entry:
        return False
    if clause.parameter.code in COLUMNS and clause.parameter.code != "_id":
        return False
    if clause.modifier == "missing":
        return True
    if clause.modifier is not None and (
        clause.parameter.type != "reference" or clause.modifier in _WITH_MODIFIERS
    ):
        return False
    return all(isinstance(value, _HELD) for value in clause.values)


def holds(criterion: Criterion, id_: str, rows: IndexRows) -> bool:
    """Tell whether a resource fulfils a criterion that can be held against one.

    Args:
        criterion: see `can_be_held`.
        id_: its logical id.
        rows: its index rows.
    """
    if criterion.modifier == "missing":
        missing = criterion.values[0] == MissingValue(True)
        return _is_missing(criterion, rows) is missing
    if criterion.parameter.code == "_id":
        return any(value == TokenValue(None, id_) for value in criterion.values)
    return any(_has_value(criterion, value, rows) for value in criterion.values)


def _is_missing(criterion: Criterion, rows: IndexRows) -> bool:
    if criterion.parameter.code in COLUMNS:
        return False
    return set(marks_of(criterion.parameters)).isdisjoint(rows.present)


def _has_value(criterion: Criterion, value: object, rows: IndexRows) -> bool:
    match value:
        case TokenValue():
            return _has_token(criterion.sps, value.system, value.code, rows)
        case UriValue():
            return _has_token(criterion.sps, None, value.uri, rows)
        case ReferenceValue():
            return _refers(criterion, value, rows)
        case _:  # nothing else can be held
            return False


def _has_token(sps: Sequence[int], system: str | None, code: str | None, rows: IndexRows) -> bool:
    return any(
        sp in sps
        and (system is None or system_key(system) == row_system)
        and (code is None or short_key(code) == row_code)
        for sp, row_system, row_code in rows.token
    )


def _refers(criterion: Criterion, value: ReferenceValue, rows: IndexRows) -> bool:
    sps = criterion.sps
    if value.id and any(
        sp in sps and type_ in value.types and id_ == value.id for sp, type_, id_ in rows.reference
    ):
        return True
    if not value.url:
        return False
    if criterion.parameter.alias_target is not None and _is_missing(criterion, rows):
        return False
    external = [sp + EXTERNAL_OFFSET for sp in sps]
    return _has_token(external, value.version or None, value.url, rows)
