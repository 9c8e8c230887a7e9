"""Rows of a write statement, packed as arrays of row types.

Standard: PostgreSQL's `record_recv`: number of columns, then for each its type, its length and
its bytes; -1 for NULL. All integers big-endian.

Columns of fixed length come first in every type, so one `pack` writes them all; what varies in
length follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any

from fhirserver.store.schema import INDEX_TABLES

_FIXED = {"bigint": (20, 8, "q"), "integer": (23, 4, "i"), "smallint": (21, 2, "h"),
          "boolean": (16, 1, "?")}  # fmt: skip
_VARIABLE = {"text": 25, "bytea": 17, "smallint[]": 1005}
_length = Struct(">i").pack
_HEAD = Struct(">ii")
_HEADER = Struct(">iiIii")
_NULL = b"\xff\xff\xff\xff"

Element = Callable[[Sequence[Any]], bytes]


@dataclass(frozen=True, slots=True)
class RowType:
    """A row type as `migrations/` creates it.

    Attributes:
        name: of the type.
        columns: names in order.
        element: packs one row as an element of an array.
    """

    name: str
    columns: tuple[str, ...]
    element: Element

    def pack(self, oid: int, rows: Sequence[Sequence[Any]]) -> bytes:
        """Pack rows as an array.

        Args:
            oid: of the type in this database.
            rows: values in the order of `columns`; texts as str, the rest of variable length as
                bytes, None for NULL among those of variable length.
        """
        if not rows:
            return _HEADER.pack(0, 0, oid, 0, 1)[:12]
        return _HEADER.pack(1, 0, oid, len(rows), 1) + b"".join(map(self.element, rows))


def _row_type(name: str, columns: str) -> RowType:
    """Describe a row type.

    Args:
        name: of the type, without `_row`.
        columns: "name:type ...", fixed lengths first.
    """
    pairs = [column.split(":") for column in columns.split()]
    fixed = [_FIXED[kind] for _, kind in pairs if kind in _FIXED]
    variable = tuple(_length(_VARIABLE[kind]) for _, kind in pairs if kind not in _FIXED)
    layout = Struct(">i4x" + "".join(f"8x{code}" for _, _, code in fixed))
    rest = _HEAD.pack(0, len(pairs))
    for oid, length, _ in fixed:
        rest += _HEAD.pack(oid, length) + bytes(length)
    element = _element(layout, int.from_bytes(rest, "big"), variable)
    return RowType(f"{name}_row", tuple(column for column, _ in pairs), element)


def _element(layout: Struct, rest: int, variable: tuple[bytes, ...]) -> Element:
    """Make the function that packs a row; a write runs it a dozen times per resource.

    Args:
        layout: the record's length and the values of fixed length, with gaps for all the rest.
        rest: what fills those gaps, as one number: counts, types and lengths of columns.
        variable: types of the columns that vary in length, packed.
    """
    pack, size, length = layout.pack, layout.size, _length
    fixed = -len(variable)

    # One number is laid over the other: a call instead of two arguments more per column.
    def whole(row: Sequence[Any]) -> bytes:
        head = int.from_bytes(pack(size - 4, *row), "big") | rest
        return head.to_bytes(size, "big")

    def with_tail(row: Sequence[Any]) -> bytes:
        tail = b""
        for type, value in zip(variable, row[fixed:]):  # noqa: B905 - strict costs a third more
            if value is None:
                tail += type + _NULL
            else:
                raw = value.encode() if value.__class__ is str else value
                tail += type + length(len(raw)) + raw
        head = int.from_bytes(pack(size - 4 + len(tail), *row[:fixed]), "big") | rest
        return head.to_bytes(size, "big") + tail

    return with_tail if variable else whole


TARGET = _row_type("target", "rid:bigint tid:smallint id:text")
RESOURCE = _row_type(
    "resource",
    "rid:bigint pat:bigint updated:bigint version:integer tid:smallint state:smallint"
    " method:smallint id:text present:smallint[] body:bytea keys:bytea",
)
AUDITED = _row_type(
    "audited",
    "rid:bigint version:integer tid:smallint outcome:smallint id:text interaction:text actor:text"
    " client:text request_id:text address:text query:text token:text purpose:text",
)
INDEX_ROWS: dict[str, RowType] = {
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
    "composite": _row_type(
        "composite",
        "sp:smallint home:boolean system:bigint pat:bigint rid:bigint code:text t_system:text"
        " t_code:text q_system:text q_code:text q_unit:text q_low:text q_high:text q_c_unit:text"
        " q_c_low:text q_c_high:text d_lo:text d_hi:text s_norm:text s_exact:text e_low:text"
        " e_high:text",
    ),
    "narrative": _row_type(
        "narrative", "sp:smallint home:boolean pat:bigint rid:bigint words:text"
    ),
    "compartment": _row_type("compartment", "pat:bigint rid:bigint"),
}
"""Row types of the index tables; those of contained resources have the same, and one more table."""
INDEX_ROWS["content"] = INDEX_ROWS["narrative"]
INDEX_ROWS |= {f"contained_{name}": INDEX_ROWS[name] for name in INDEX_TABLES} | {
    "contained": _row_type(
        "contained",
        "rid:bigint pat:bigint container:bigint place:integer tid:smallint id:text"
        " present:smallint[]",
    )
}
ALL = (TARGET, RESOURCE, AUDITED, *INDEX_ROWS.values())
