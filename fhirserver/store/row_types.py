"""Rows of a write statement, packed as arrays of row types.

Standard: PostgreSQL's `record_recv`: number of columns, then for each its type, its length and
its bytes; -1 for NULL. All integers big-endian.

Columns of fixed length come first in every type, so one `pack` writes them all; what varies in
length follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

_FIXED = {"bigint": (20, 8, "q"), "integer": (23, 4, "i"), "smallint": (21, 2, "h"),
          "boolean": (16, 1, "?")}  # fmt: skip
_VARIABLE = {"text": 25, "bytea": 17, "smallint[]": 1005}
_length = Struct(">i").pack
_HEAD = Struct(">ii")
_HEADER = Struct(">iiIii")
_NULL = b"\xff\xff\xff\xff"


@dataclass(frozen=True, slots=True)
class RowType:
    """A row type as `migrations/` creates it.

    Attributes:
        name: of the type.
        columns: names in order.
        _fixed: the record's length and the values of fixed length, with gaps for all the rest.
        _rest: what fills those gaps, as one number: counts, types and lengths of columns.
        _variable: types of the columns that vary in length, packed.
    """

    name: str
    columns: tuple[str, ...]
    _fixed: Struct
    _rest: int
    _variable: tuple[bytes, ...]

    def pack(self, oid: int, rows: Sequence[Sequence[Any]]) -> bytes:
        """Pack rows as an array.

        Args:
            oid: of the type in this database.
            rows: values in the order of `columns`; texts as str, the rest of variable length as
                bytes, None for NULL among those of variable length.
        """
        if not rows:
            return _HEADER.pack(0, 0, oid, 0, 1)[:12]
        elements = b"".join(map(self._element, rows))
        return _HEADER.pack(1, 0, oid, len(rows), 1) + elements

    def _element(self, row: Sequence[Any]) -> bytes:
        tail, values = b"", row
        if self._variable:
            fixed = len(row) - len(self._variable)
            tail, values = b"".join(map(_column, self._variable, row[fixed:])), row[:fixed]
        size = self._fixed.size
        head = self._fixed.pack(size - 4 + len(tail), *values)
        # One number laid over the other: a call instead of two arguments more per column.
        return (int.from_bytes(head, "big") | self._rest).to_bytes(size, "big") + tail


def _column(type: bytes, value: str | bytes | None) -> bytes:
    if value is None:
        return type + _NULL
    raw = value.encode() if isinstance(value, str) else value
    return type + _length(len(raw)) + raw


def _row_type(name: str, columns: str) -> RowType:
    """Describe a row type.

    Args:
        name: of the type, without `_row`.
        columns: "name:type ...", fixed lengths first.
    """
    pairs = [column.split(":") for column in columns.split()]
    fixed = [_FIXED[kind] for _, kind in pairs if kind in _FIXED]
    variable = [_length(_VARIABLE[kind]) for _, kind in pairs if kind not in _FIXED]
    layout = Struct(">i4x" + "".join(f"8x{code}" for _, _, code in fixed))
    rest = _HEAD.pack(0, len(pairs))
    for oid, length, _ in fixed:
        rest += _HEAD.pack(oid, length) + bytes(length)
    return RowType(
        f"{name}_row",
        tuple(column for column, _ in pairs),
        layout,
        int.from_bytes(rest, "big"),
        tuple(variable),
    )


TARGET = _row_type("target", "rid:bigint tid:smallint id:text")
RESOURCE = _row_type(
    "resource",
    "rid:bigint pat:bigint updated:bigint version:integer tid:smallint state:smallint"
    " method:smallint id:text present:smallint[] body:bytea keys:bytea",
)
AUDIT = _row_type(
    "audit",
    "rid:bigint version:integer tid:smallint outcome:smallint id:text interaction:text actor:text"
    " client:text request_id:text address:text query:text",
)
INDEX_ROWS = {
    "token": _row_type(
        "token",
        "sp:smallint home:boolean system:bigint pat:bigint dt:bigint rid:bigint code:text",
    ),
    "string": _row_type(
        "string", "sp:smallint home:boolean pat:bigint rid:bigint norm:text exact:text"
    ),
    "date": _row_type("date", "sp:smallint home:boolean lo:bigint hi:bigint pat:bigint rid:bigint"),
    "ref": _row_type("ref", "sp:smallint home:boolean target:bigint pat:bigint rid:bigint"),
    "quantity": _row_type(
        "quantity",
        "sp:smallint home:boolean system:bigint pat:bigint rid:bigint code:text unit:text"
        " low:text high:text c_unit:text c_low:text c_high:text",
    ),
    "compartment": _row_type("compartment", "pat:bigint rid:bigint"),
}
"""Row types of the index tables, in the order of `TableRows`."""
ALL = (TARGET, RESOURCE, AUDIT, *INDEX_ROWS.values())
