"""The table of suites at the head of the page: a row each, and one for all of them.

It is plain markup, so it is there without the page's script too.
"""

import html
from collections.abc import Sequence

from fhirserver_conformance.report.tally import (
    VERDICTS,
    WORDS,
    Tally,
    by_suite,
    percent_in_words,
    tally,
)
from fhirserver_conformance.report.text import shown
from fhirserver_conformance.results import ScriptResult, Verdict

_BAR_WIDTH = 160


def suite_rows(results: Sequence[ScriptResult]) -> str:
    """Write the rows as HTML; names are escaped. Pure."""
    groups = by_suite(results)
    rows = [_row(name, members) for name, members in groups.items()]
    if len(groups) > 1:
        rows.append(_row("", results))
    return "\n".join(rows)


def _row(suite: str, members: Sequence[ScriptResult]) -> str:
    counts = tally(members)
    name = html.escape(shown(suite))
    button = f'<button type="button" data-suite="{name}">{name or "all suites"}</button>'
    cells = (
        f'<th scope="row">{button}</th>',
        f'<td class="number" data-label="scripts">{len(members):,}</td>',
        f'<td data-label="share">{_bar(counts)}</td>',
        f'<td class="number" data-label="of what was tried">{percent_in_words(counts)}</td>',
        *(_number(verdict, counts[verdict]) for verdict in VERDICTS),
    )
    return f"<tr>{''.join(cells)}</tr>"


def _number(verdict: Verdict, count: int) -> str:
    looks = verdict if count else f"{verdict} zero"
    return f'<td class="number {looks}" data-label="{WORDS[verdict]}">{count:,}</td>'


def _bar(counts: Tally) -> str:
    """Draw the shares of the verdicts; the numbers beside it say the same to who cannot see it."""
    total = counts.total() or 1
    drawn, left = [], 0.0
    for verdict in VERDICTS:
        width = counts[verdict] / total * _BAR_WIDTH
        drawn.append(f'<rect class="{verdict}" x="{left:.2f}" width="{width:.2f}" height="10"/>')
        left += width
    box = f'viewBox="0 0 {_BAR_WIDTH} 10" preserveAspectRatio="none" aria-hidden="true"'
    return f'<svg class="bar" {box}>{"".join(drawn)}</svg>'
