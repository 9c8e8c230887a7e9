"""What is counted: the cases of a run by their verdicts.

A case is a test, or a setup or teardown that went wrong. A script that could not be run is one
case, and an error. The rate is the share of passes among the cases that were tried; a warning is
advice, so it counts as a pass there.
"""

from collections import Counter
from collections.abc import Iterable
from decimal import Decimal

from fhirserver_conformance.results import ScriptResult, TestResult, Verdict

VERDICTS: tuple[Verdict, ...] = ("pass", "warning", "skip", "fail", "error")
"""In the order in which reports name them."""

WORDS: dict[Verdict, str] = {
    "pass": "passed",
    "warning": "with a warning",
    "skip": "skipped",
    "fail": "failed",
    "error": "in error",
}

Tally = Counter[Verdict]


def cases_of(result: ScriptResult) -> tuple[TestResult, ...]:
    """Give what is counted of a script."""
    if result.message and not result.tests:
        return (TestResult("setup", "the whole script", "", "error", result.message),)
    return result.cases


def tally(results: Iterable[ScriptResult]) -> Tally:
    """Count the cases of scripts."""
    return Counter(case.verdict for result in results for case in cases_of(result))


def pass_percent(counts: Tally) -> Decimal | None:
    """Give the share of passes among what was tried, in per cent; None where nothing was.

    It is rounded down to a tenth, so that 100 means all.
    """
    tried = counts.total() - counts["skip"]
    passed = counts["pass"] + counts["warning"]
    return Decimal(passed * 1000 // tried) / 10 if tried else None


def percent_in_words(counts: Tally) -> str:
    """Write that share, e.g. "99.9 %"; "–" where nothing was tried."""
    share = pass_percent(counts)
    return "–" if share is None else f"{share:f} %"


def counts_in_words(counts: Tally) -> str:
    """Write what there is of each verdict, e.g. "12 passed, 1 skipped"."""
    named = [f"{counts[each]:,} {WORDS[each]}" for each in VERDICTS if counts[each]]
    return ", ".join(named) or "no tests"


def by_suite(results: Iterable[ScriptResult]) -> dict[str, list[ScriptResult]]:
    """Group scripts by suite; suites stand as their first scripts do."""
    groups: dict[str, list[ScriptResult]] = {}
    for result in results:
        groups.setdefault(result.suite, []).append(result)
    return groups
