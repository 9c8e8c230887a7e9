"""Which public suites there are in a data folder, and how each is run.

    candle-search     first: it counts what the whole server holds
    inferno-us-core fhirpath patch validator sql-on-fhir tx-ecosystem
    NAME              each folder below testscripts

A suite whose folder is missing is not there; nothing is said about it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from fhirserver_conformance.public import (
    candle,
    fhirpath_cases,
    inferno,
    not_offered,
    patches,
    test_scripts,
    validator,
)
from fhirserver_conformance.public.cases import Site
from fhirserver_conformance.results import ScriptResult

OnResult = Callable[[ScriptResult], None]
Run = Callable[[Site, OnResult], Sequence[ScriptResult]]


def suites_in(data: Path) -> dict[str, Run]:
    """Give the suites of a folder by name, in the order in which they are to run."""
    present = {
        name: partial(_one_by_one, run)
        for name, (folder, run) in _OURS.items()
        if (data / folder).is_dir()
    }
    scripts = {name: partial(test_scripts.run, name) for name in test_scripts.names(data)}
    return {**present, **scripts}


def run_suites(chosen: Mapping[str, Run], site: Site, on_result: OnResult) -> list[ScriptResult]:
    """Run suites one after the other; `on_result` hears of each file or script as it ends."""
    return [result for run in chosen.values() for result in run(site, on_result)]


def _one_by_one(
    run: Callable[[Site], Iterable[ScriptResult]], site: Site, on_result: OnResult
) -> list[ScriptResult]:
    results = []
    for result in run(site):
        on_result(result)
        results.append(result)
    return results


_OURS: dict[str, tuple[str, Callable[[Site], Iterable[ScriptResult]]]] = {
    candle.SUITE: ("candle-search", candle.run),
    inferno.SUITE: ("inferno", inferno.run),
    fhirpath_cases.SUITE: ("fhirpath", fhirpath_cases.run),
    patches.SUITE: ("patch", patches.run),
    validator.SUITE: ("validator", validator.run),
    **{name: (name, partial(not_offered.run, name)) for name in not_offered.SUITES},
}
"""By name: its folder, and what yields its results."""
