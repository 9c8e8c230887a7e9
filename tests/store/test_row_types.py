"""Rows that are packed here arrive in PostgreSQL as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhirserver.store import binary, row_types
from fhirserver.store.database import Database
from fhirserver.store.row_types import ALL, RowType
from fhirserver.store.statement import run, statement

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=40)
_VALUES = {
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "text": st.none() | _TEXT,
    "bytea": st.none() | st.binary(max_size=40),
    "smallint[]": st.lists(st.integers(-(2**15), 2**15 - 1), max_size=5),
}
_PACKERS: dict[str, Callable[[Any], bytes]] = {
    "smallint": binary.int2,
    "integer": binary.int4,
    "bigint": binary.int8,
    "boolean": binary.boolean,
    "text": str.encode,
    "bytea": bytes,
    "smallint[]": binary.int2_array,
}


def columns_of(sql: psycopg.Connection[Any], row_type: RowType) -> dict[str, str]:
    rows = sql.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 ORDER BY attnum",
        (row_type.name,),
    )
    return dict(rows.fetchall())


@pytest.mark.parametrize("row_type", ALL, ids=lambda each: each.name)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_packed_rows_arrive_as_they_were(
    database: Database, sql: psycopg.Connection[Any], row_type: RowType, data: st.DataObject
) -> None:
    columns = columns_of(sql, row_type)
    assert tuple(columns) == row_type.columns
    rows = data.draw(st.lists(st.tuples(*(_VALUES[kind] for kind in columns.values())), max_size=4))
    sent = [
        tuple(binary.int2_array(value) if isinstance(value, list) else value for value in row)
        for row in rows
    ]
    echo = statement(f"SELECT * FROM unnest(:rows::{row_type.name}[])")
    with database.connection() as connection:
        packed = row_type.pack(connection.row_type_oids[row_type.name], sent)
        found = run(connection, echo, {"rows": packed})
    arrived = [
        [found.get_value(number, column) for column in range(found.nfields)]
        for number in range(found.ntuples)
    ]
    kinds = list(columns.values())
    assert arrived == [list(map(_expected, row, kinds)) for row in rows]


def _expected(value: Any, kind: str) -> bytes | None:
    if value is None:
        return None
    return _PACKERS[kind](value)


def test_every_index_table_has_its_row_type() -> None:
    """Contained resources have the row types of others, and both kinds of words have one."""
    for table, row_type in row_types.INDEX_ROWS.items():
        shared = table.removeprefix("contained_").replace("content", "narrative")
        assert row_type.name == f"{shared}_row"
