"""Keys of `_sort` joined to the rows that match. Pure.

    date       earliest lower bound, in both directions; none where that is open
    string     folded text; token and uri: code; reference: the target's id
    number     lower end; quantity: in its canonical unit where it has one
    _id, _lastUpdated    columns of the resource

Of several values the least counts when ascending and the greatest when descending.
"""

from collections.abc import Sequence

from fhirserver.model.instant import MIN_US
from fhirserver.search.condition_sql import of_parameters, on
from fhirserver.search.conditions import Fragment, Space
from fhirserver.search.query import SortKey

_TABLES = {
    "date": ("date", "lo"),
    "number": ("quantity", "low"),
    "quantity": ("quantity", "coalesce({s}.c_low, {s}.low)"),
    "string": ("string", "left({s}.norm, 200)"),
    "token": ("token", "code"),
    "uri": ("token", "code"),
}
_COLUMNS = {"_id": "id", "_lastUpdated": "updated"}


def key_columns(sort: Sequence[SortKey]) -> list[str]:
    """List the keys as columns k0, k1 ... of a query grouped by resource."""
    return [f"{_value(key, number)} AS k{number}" for number, key in enumerate(sort)]


def key_joins(sort: Sequence[SortKey], space: Space) -> Fragment:
    """Join each key's rows to the rows `c` (pat, rid).

    Contained resources have `lastUpdated` from their container, in a row `o`.
    """
    joins = [_join(key, f"s{number}", space) for number, key in enumerate(sort)]
    return Fragment(
        " ".join(join.text for join in joins), tuple(p for join in joins for p in join.params)
    )


def _value(key: SortKey, number: int) -> str:
    alias = f"s{number}"
    parameter = key.parameter
    if parameter.code in _COLUMNS:
        value = f"{alias}.{_COLUMNS[parameter.code]}"
    elif parameter.type == "reference":
        value = f"{alias}t.id"
    else:
        column = _TABLES[parameter.type][1]
        value = column.format(s=alias) if "{" in column else f"{alias}.{column}"
    if parameter.type == "date" and parameter.code not in _COLUMNS:
        return f"nullif(min({value}), {MIN_US})"
    return f"{'max' if key.descending else 'min'}({value})"


def _join(key: SortKey, alias: str, space: Space) -> Fragment:
    if key.parameter.code == "_lastUpdated" and space:
        return Fragment(f"LEFT JOIN resource {alias} ON {alias}.rid = o.container")
    if key.parameter.code in _COLUMNS:
        return Fragment(f"LEFT JOIN {space}resource {alias} ON {alias}.rid = c.rid")
    of_key = on(of_parameters(key.sps), alias)
    same = f"{of_key.text} AND {alias}.pat = c.pat AND {alias}.rid = c.rid"
    if key.parameter.type == "reference":
        table = f"({space}ref {alias} JOIN resource {alias}t ON {alias}t.rid = {alias}.target)"
    else:
        table = f"{space}{_TABLES[key.parameter.type][0]} {alias}"
    return Fragment(f"LEFT JOIN {table} ON {same}", of_key.params)
