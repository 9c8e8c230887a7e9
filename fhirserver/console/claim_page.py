"""The documentation's support matrix, from results of the conformance tool.

Usage: python -m fhirserver.console.claim_page RESULTS.jsonl... > docs/conformance/support.md
"""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from fhirserver.console.claim_support import Case, Table, tables
from fhirserver.definitions import r4
from fhirserver.model.json import parse_json

_HEAD = """\
# What is claimed, and shown

Each claim of the CapabilityStatement, counted by what it is a claim of: `n` claims are all shown,
`n of m` are not all. Shown means that a test of [our suites](../conformance.md) found what must be
found and left out what must not. A claim that no test can show is not counted: some reverse
includes, named at [STO-13](../requirements.md#interactions). Made from a run of {date} against
version {version} by

```sh
fhir-conformance run interactions search system --base URL --report DIR
scripts/support-matrix DIR/results.jsonl > docs/conformance/support.md
```

A running server shows the same of itself at `/conformance/support`, claim by claim, from the last
runs of these suites that it has stored.
"""


def support_page(cases: Iterable[Case], *, date: str, version: str) -> str:
    """Write the page. Pure.

    Args:
        cases: of a run of the suites that show claims.
        date: of the run, e.g. "2026-11-27".
        version: of the server that they ran against.
    """
    parts = [_HEAD.format(date=date, version=version)]
    for table in tables(cases, r4()):
        parts += ["\n", *_table(table)]
    return "".join(parts)


def read_cases(paths: Sequence[Path]) -> list[Case]:
    """Read results, a JSON object a line: case, verdict, reason."""
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    return [
        Case(found["case"], found["verdict"], found["reason"]) for found in map(parse_json, lines)
    ]


def main() -> None:
    """Write the page of the files that are named."""
    paths = [Path(word) for word in sys.argv[1:]]
    newest = datetime.fromtimestamp(max(path.stat().st_mtime for path in paths), UTC)
    page = support_page(read_cases(paths), date=f"{newest:%Y-%m-%d}", version=version("fhirserver"))
    sys.stdout.write(page)


def _table(table: Table) -> list[str]:
    lines = [
        f"## {table.title}\n\n",
        f"| {' | '.join([table.first, *map(_head, table.columns)])} |\n",
        f"|---{'|--:' * len(table.columns)}|\n",
    ]
    lines += [f"| {' | '.join([f'`{row}`', *table.cells(row)])} |\n" for row in sorted(table.rows)]
    return lines


def _head(column: str) -> str:
    """Give modifiers and prefixes as code."""
    return f"`{column}`" if column.startswith(":") or len(column) == 2 else column


if __name__ == "__main__":
    main()
