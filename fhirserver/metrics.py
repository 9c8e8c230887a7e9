"""Counters of what the server does, as Prometheus text; no health data, no ids, no addresses.

Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4)

Web workers are processes of their own, and a scrape reaches any one of them. So they count in one
shared piece of memory that the supervisor makes: each process writes a region of its own, of a
fixed layout, and a scrape adds the regions up. Counters survive the process that counted.

A region holds unsigned 64-bit cells:
    requests   [interaction][status]    finished requests
    buckets    [interaction][bound]     of them, how many took at most that long (not cumulated)
    time       [interaction]            microseconds spent
    counters   [name]                   what else is counted
    gauges     [name]                   state of the process; ignored when `pid` is not running
"""

import mmap
import os
import tempfile
import threading
from collections.abc import Iterator
from typing import Self

INTERACTIONS = (
    *("read", "vread", "create", "update", "patch", "delete"),
    *("conditional-create", "conditional-update", "conditional-patch", "conditional-delete"),
    *("search-type", "search-system", "search-compartment"),
    *("history-instance", "history-type", "history-system"),
    *("batch", "transaction", "capabilities", "operation", "async-status", "async-cancel"),
    *("console", "health", "other"),
)
STATUSES = (
    *(200, 201, 202, 204, 206, 302, 303, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411),
    *(412, 413, 414, 415, 416, 417, 422, 428, 429, 431, 500, 501, 503, 0),
)
"""0 stands for every other one."""
BOUNDS_US = (
    *(1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000),
    *(1_000_000, 2_500_000, 5_000_000, 10_000_000, 2**63),
)
COUNTERS = {"dangling_references": "References to nothing that were stored with a warning."}
"""What else is counted, and what a scrape says of it."""
GAUGES = ("pid", "pool_connections", "pool_idle", "pool_waiting")

_INTERACTION = {name: index for index, name in enumerate(INTERACTIONS)}
_STATUS = {status: index for index, status in enumerate(STATUSES)}
_BUCKETS_AT = len(INTERACTIONS) * len(STATUSES)
_TIME_AT = _BUCKETS_AT + len(INTERACTIONS) * len(BOUNDS_US)
_COUNTERS_AT = _TIME_AT + len(INTERACTIONS)
_GAUGES_AT = _COUNTERS_AT + len(COUNTERS)
_CELLS = _GAUGES_AT + len(GAUGES)
_REGION_BYTES = 8 * _CELLS
_OTHER = _INTERACTION["other"]
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The counters of this process.

    Args:
        cells: its region.
    """

    def __init__(self, cells: memoryview) -> None:
        self._cells = cells
        self._lock = threading.Lock()
        self.set_gauges(pid=os.getpid(), pool_connections=0, pool_idle=0, pool_waiting=0)

    def observe(self, interaction: str, status: int, microseconds: int) -> None:
        """Count a finished request.

        Args:
            interaction: one of INTERACTIONS; any other counts as "other".
            status: of the HTTP answer.
            microseconds: from its head to its complete answer.
        """
        row = _INTERACTION.get(interaction, _OTHER)
        column = _STATUS.get(status, len(STATUSES) - 1)
        bucket = next(index for index, bound in enumerate(BOUNDS_US) if microseconds <= bound)
        cells = self._cells
        with self._lock:
            cells[row * len(STATUSES) + column] += 1
            cells[_BUCKETS_AT + row * len(BOUNDS_US) + bucket] += 1
            cells[_TIME_AT + row] += microseconds

    def count(self, name: str, number: int) -> None:
        """Add to a counter; see COUNTERS."""
        with self._lock:
            self._cells[_COUNTERS_AT + list(COUNTERS).index(name)] += number

    def set_gauges(self, **values: int) -> None:
        """Set gauges by name; see GAUGES."""
        for name, value in values.items():
            self._cells[_GAUGES_AT + GAUGES.index(name)] = value


class SharedMetrics:
    """The regions of all processes.

    Args:
        descriptor: of the file that holds them; closed with this object.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._map = mmap.mmap(descriptor, 0)
        self._regions = len(self._map) // _REGION_BYTES
        self._cells = memoryview(self._map).cast("Q")

    @classmethod
    def create(cls, regions: int) -> Self:
        """Make room for a number of processes, all counters at zero."""
        if hasattr(os, "memfd_create"):
            descriptor = os.memfd_create("fhirserver-metrics")
        else:
            with tempfile.TemporaryFile() as file:
                descriptor = os.dup(file.fileno())
        os.truncate(descriptor, regions * _REGION_BYTES)
        return cls(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._cells.release()
        self._map.close()
        os.close(self._descriptor)

    def fileno(self) -> int:
        """Return the descriptor, for a child to inherit."""
        return self._descriptor

    def region(self, index: int) -> Metrics:
        """Take over a region; what was counted in it stays."""
        start = index * _CELLS
        return Metrics(self._cells[start : start + _CELLS])

    def render(self, version: str) -> bytes:
        """Add the regions up and write them as Prometheus text."""
        totals = [
            sum(self._cells[region * _CELLS + cell] for region in range(self._regions))
            for cell in range(_GAUGES_AT)
        ]
        lines = [
            *("# TYPE fhirserver_info gauge", f'fhirserver_info{{version="{version}"}} 1'),
            *_render_requests(totals),
            *_render_durations(totals),
            *_render_counters(totals),
            *self._render_gauges(),
        ]
        return ("\n".join(lines) + "\n").encode("ascii")

    def _render_gauges(self) -> Iterator[str]:
        living = [gauges for gauges in self._gauges() if _is_running(gauges["pid"])]
        yield "# TYPE fhirserver_web_workers gauge"
        yield f"fhirserver_web_workers {len(living)}"
        for name in GAUGES[1:]:
            yield f"# TYPE fhirserver_{name} gauge"
            yield f"fhirserver_{name} {sum(gauges[name] for gauges in living)}"

    def _gauges(self) -> Iterator[dict[str, int]]:
        for region in range(self._regions):
            start = region * _CELLS + _GAUGES_AT
            yield dict(zip(GAUGES, self._cells[start : start + len(GAUGES)], strict=True))


def _render_requests(totals: list[int]) -> Iterator[str]:
    yield "# HELP fhirserver_requests_total Finished HTTP requests."
    yield "# TYPE fhirserver_requests_total counter"
    for row, interaction in enumerate(INTERACTIONS):
        for column, status in enumerate(STATUSES):
            count = totals[row * len(STATUSES) + column]
            if count:
                labels = f'interaction="{interaction}",status="{status or "other"}"'
                yield f"fhirserver_requests_total{{{labels}}} {count}"


def _render_durations(totals: list[int]) -> Iterator[str]:
    name = "fhirserver_request_duration_seconds"
    yield f"# HELP {name} From the head of a request to its answer."
    yield f"# TYPE {name} histogram"
    for row, interaction in enumerate(INTERACTIONS):
        start = _BUCKETS_AT + row * len(BOUNDS_US)
        counts = totals[start : start + len(BOUNDS_US)]
        if not any(counts):
            continue
        label, below = f'interaction="{interaction}"', 0
        for bound, count in zip(BOUNDS_US, counts, strict=True):
            below += count
            limit = "+Inf" if bound == BOUNDS_US[-1] else f"{bound / 1e6:g}"
            yield f'{name}_bucket{{{label},le="{limit}"}} {below}'
        yield f"{name}_sum{{{label}}} {totals[_TIME_AT + row] / 1e6:.6f}"
        yield f"{name}_count{{{label}}} {below}"


def _render_counters(totals: list[int]) -> Iterator[str]:
    for index, (name, words) in enumerate(COUNTERS.items()):
        yield f"# HELP fhirserver_{name}_total {words}"
        yield f"# TYPE fhirserver_{name}_total counter"
        yield f"fhirserver_{name}_total {totals[_COUNTERS_AT + index]}"


def _is_running(pid: int) -> bool:
    if pid == 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
