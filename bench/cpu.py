"""CPU time of a server's processes, from /proc: Python on one side, PostgreSQL on the other.

Linux only; elsewhere everything counts as nothing.
"""

import os
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """CPU seconds, user and system together."""

    server: float
    postgres: float

    def since(self, before: "Spent") -> "Spent":
        """What was spent between two readings."""
        return Spent(self.server - before.server, self.postgres - before.postgres)


def spent_below(pid: int) -> Spent:
    """Add up what a process and all its descendants have used."""
    parents: dict[int, int] = {}
    used: dict[int, tuple[str, float]] = {}
    ticks = os.sysconf("SC_CLK_TCK")
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = entry.read_text()
        except OSError:
            continue
        name, _, rest = text.partition(" (")[2].rpartition(") ")
        fields = rest.split()
        number = int(entry.parent.name)
        parents[number] = int(fields[1])
        used[number] = (name, (int(fields[11]) + int(fields[12])) / ticks)
    totals = {"postgres": 0.0, "server": 0.0}
    for number, (name, seconds) in used.items():
        if _descends(number, pid, parents):
            totals["postgres" if name.startswith("postgres") else "server"] += seconds
    return Spent(totals["server"], totals["postgres"])


def _descends(number: int, ancestor: int, parents: dict[int, int]) -> bool:
    while number not in (0, 1, ancestor):
        number = parents.get(number, 0)
    return number == ancestor
