"""How many answers the server and the naive matcher agreed on, by what was asked.

An answer is that of one query; a verdict is that one resource is in it or not. An answer of all
or none of the resources shows less than one that divides them.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tests.search.oracle.elements import kind_of
from tests.search.oracle.matcher import PREFIXES
from tests.search.oracle.queries import Pair


class Count(NamedTuple):
    """Of one kind of question.

    Attributes:
        answers: queries that asked it.
        verdicts: resources that were judged by them.
        found: of these, those that the answers hold.
    """

    answers: int = 0
    verdicts: int = 0
    found: int = 0


_counts: dict[str, Count] = defaultdict(Count)
_total: list[Count] = [Count()]


def agreed(labels: Iterable[str], found: int, among: int) -> None:
    """Count one answer that agreed under each of its labels."""
    for label in {*labels}:
        _counts[label] = _more(_counts[label], found, among)
    _total[0] = _more(_total[0], found, among)


def labels(type_name: str, query: Iterable[Pair]) -> Iterator[str]:
    """Name what criteria ask: kind of parameter with modifier or prefix; OR where there is one."""
    for name, value in query:
        code, _, modifier = name.partition(":")
        kind = kind_of(type_name, code)
        prefix = value[:2] if value[:2] in PREFIXES and kind in _PREFIXED else ""
        yield f"{kind} {f':{modifier}' if modifier else prefix}".rstrip()
        if "," in value:
            yield "OR"


_PREFIXED = ("date", "number", "quantity")


def lines(*, everything: bool) -> list[str]:
    """Say the counts, of all together or of each kind, too."""
    said = [_line("all together", _total[0])]
    if everything:
        said += [_line(label, _counts[label]) for label in sorted(_counts)]
    return said if _total[0].answers else []


def _more(count: Count, found: int, among: int) -> Count:
    return Count(count.answers + 1, count.verdicts + among, count.found + found)


def _line(label: str, count: Count) -> str:
    return f"{label:24} {count.answers:8} answers {count.verdicts:9} verdicts {count.found:8} found"
