"""The table of deviations and the figures of a run, as Markdown for the documentation."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from fhirserver_conformance.public.deviations import KINDS, Comparison, Row
from fhirserver_conformance.report.tally import VERDICTS, Tally, by_suite, percent_in_words, tally
from fhirserver_conformance.results import ScriptResult

_DEVIATIONS = """\
# Where public suites and this server differ

Every case of the public suites that fails against this server is named here with the reason, or is
to be fixed. `fhir-conformance public` compares its run with this table and fails where a case is
not in it, and also where a row's cases pass by now. The page is made from
`conformance/public/deviations.json`; see [results](results.md) for the figures.

| kind | |
|---|---|
"""
_RESULTS = """\
# Public suites: the last run

Made by

```sh
fhir-conformance public --data DIR --write-docs docs/conformance
```

on a fresh server with its default settings, but for `FHIRSERVER_REFERENTIAL_INTEGRITY=off`: the
suites store resources that refer to what they do not store. DIR is a folder with the suites, each
in the folder its authors gave it. Failures are explained one by one in [deviations](deviations.md).
The rate is the share of passes among the cases that were tried. The FHIRPath cases are tried twice,
the second time with `fhirpathpy`, which has to be installed as an extra.

"""
_KINDS = """
Of what kind the failures are, case by case:

"""


def deviations_page(table: Sequence[Row]) -> str:
    """Write the table as a page, a section per suite. Pure."""
    parts = [_DEVIATIONS, *(f"| {kind} | {meaning} |\n" for kind, meaning in KINDS.items())]
    for suite in dict.fromkeys(row.suite for row in table):
        parts.append(f"\n## {suite}\n\n| case | kind | reason |\n|---|---|---|\n")
        parts += [_row(row) for row in table if row.suite == suite]
    return "".join(parts)


def results_page(results: Iterable[ScriptResult], compared: Comparison) -> str:
    """Write the figures of a run as a page, a line per suite, and the kinds of failures. Pure."""
    heads = ["suite", *VERDICTS, "rate"]
    lines = [f"| {' | '.join(heads)} |\n", "|---" + "|--:" * (len(heads) - 1) + "|\n"]
    groups = by_suite(results)
    lines += [_figures(suite, tally(members)) for suite, members in groups.items()]
    everything = [result for members in groups.values() for result in members]
    figures = [*lines, _figures("**all**", tally(everything))]
    return "".join([_RESULTS, *figures, _KINDS, *_kinds(compared)])


def _kinds(compared: Comparison) -> Iterator[str]:
    counts = Counter((row.suite, row.kind) for _, row in compared.known)
    yield f"| suite | {' | '.join(KINDS)} |\n|---{'|--:' * len(KINDS)}|\n"
    for suite in dict.fromkeys(suite for suite, _ in counts):
        numbers = " | ".join(str(counts[suite, kind]) for kind in KINDS)
        yield f"| {suite} | {numbers} |\n"


def _row(row: Row) -> str:
    return f"| {_cell(row.case)} | {row.kind} | {_cell(row.reason)} [spec]({row.spec}) |\n"


def _figures(name: str, counts: Tally) -> str:
    numbers = " | ".join(f"{counts[verdict]:,}" for verdict in VERDICTS)
    return f"| {name} | {numbers} | {percent_in_words(counts)} |\n"


def _cell(text: str) -> str:
    """Escape what a table's cell would take for markup."""
    escaped = text.replace("\\", "\\\\")
    for character in "|*_<[`":
        escaped = escaped.replace(character, f"\\{character}")
    return escaped
