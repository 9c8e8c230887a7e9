"""What PostgreSQL plans for a statement, as lines of text: nodes, indexes and tables, no costs.

    Limit
      Nested Loop Semi
        Index Only Scan token_all

Left out is what comes and goes with a guess of numbers and reads no other rows: nodes that keep
rows or put them in order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fhirserver.search.conditions import Fragment
from fhirserver.store.database import Database

_KEEPING = frozenset({"Materialize", "Memoize", "Sort", "Incremental Sort", "Unique", "Hash"})
# A machine's memory and cores weigh scans differently.
_SETTINGS = {"effective_cache_size": "4GB", "max_parallel_workers_per_gather": "0"}


def plan_text(database: Database, sql: Fragment) -> str:
    """Ask for the plan of a statement with its values; it is not run."""
    with database.search_connection() as connection, connection.transaction():
        for name, value in _SETTINGS.items():
            connection.execute("SELECT set_config(%s, %s, TRUE)", (name, value))
        explained = f"EXPLAIN (FORMAT JSON) {sql.text}".encode()
        row = connection.execute(explained, sql.params).fetchone()
    assert row is not None
    return "\n".join(_lines(row[0][0]["Plan"], ""))


def _lines(node: dict[str, Any], indent: str) -> Iterator[str]:
    if "Subplan Name" in node:
        yield f"{indent}{node['Subplan Name'].split(' (')[0].rstrip(' 0123456789')}:"
        indent += "  "
    # Without functions, what hashes is another way than "Unique" to keep rows apart.
    hashed = node["Node Type"] == "Aggregate" and node.get("Strategy") == "Hashed"
    if node["Node Type"] not in _KEEPING and not hashed:
        yield indent + _told(node)
        indent += "  "
    for below in node.get("Plans", ()):
        yield from _lines(below, indent)


def _told(node: dict[str, Any]) -> str:
    """Name a node by what it does and reads."""
    join = node.get("Join Type", "Inner")
    # Parts that come in order are merged, or put in order afterwards, by a guess of numbers.
    kind = "Append" if node["Node Type"] == "Merge Append" else node["Node Type"]
    words = [kind, "" if join == "Inner" else join]
    words += [node.get(name, "") for name in ("Index Name", "CTE Name", "Function Name")]
    if "Index Name" not in node:
        words.append(node.get("Relation Name", ""))
    return " ".join(filter(None, words))
