"""Token search values that stand for many codes.

Spec: https://hl7.org/fhir/R4/search.html#token, the table of modifiers

    :in       canonical or literal reference of a value set: a code in it
    :not-in   no code in it
    :below    system|code: that code, or one that it subsumes
    :above    system|code: that code, or one that subsumes it

The codes are looked up while the query is parsed; the conditions hold them as one array for each
system. A value's text is what the query said, so that links name the value set.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from fhirserver.search.conditions import Condition, Fragment, Not, Rows
from fhirserver.search.escape import split, unescape
from fhirserver.search.keys import short_key, system_key

MODIFIERS = frozenset({"in", "not-in", "below", "above"})
CODES_MAX = 20_000
"""Codes that one value may stand for."""


class Terminology(Protocol):
    """What a search asks of terminology; all raise ValueError with words for the caller."""

    def expand(self, value_set: str) -> Mapping[str, frozenset[str]]:
        """Give the codes of a value set by system; it is named by canonical or literally."""

    def below(self, system: str, code: str) -> frozenset[str]:
        """Give a code and all that it subsumes."""

    def above(self, system: str, code: str) -> frozenset[str]:
        """Give a code and all that subsume it."""


@dataclass(frozen=True, slots=True)
class CodesValue:
    """Codes to look for.

    Attributes:
        text: what the query said, still escaped.
        codes: (system, codes) pairs, sorted.
    """

    text: str
    codes: tuple[tuple[str, tuple[str, ...]], ...]

    def render(self) -> str:
        """Write it as in a URL."""
        return self.text


def parse(text: str, modifier: str, terminology: Terminology) -> CodesValue:
    """Parse one value and look its codes up.

    Raises:
        ValueError: no system|code; an unknown value set, code system or code; one that cannot be
            expanded, or has more codes than a search takes.
    """
    found = _looked_up(text, modifier, terminology)
    if sum(map(len, found.values())) > CODES_MAX:
        raise ValueError(f"it stands for more than {CODES_MAX} codes; use a smaller value set")
    return CodesValue(text, tuple((name, tuple(sorted(found[name]))) for name in sorted(found)))


def _looked_up(text: str, modifier: str, terminology: Terminology) -> Mapping[str, frozenset[str]]:
    if modifier in ("in", "not-in"):
        reference = unescape(text)
        if reference.startswith("#"):
            raise ValueError("a contained value set cannot be named; use a canonical")
        return terminology.expand(reference)
    parts = [unescape(part) for part in split(text, "|")]
    if len(parts) != 2 or not all(parts):
        raise ValueError("write system|code, both")
    system, code = parts
    reach = terminology.below if modifier == "below" else terminology.above
    return {system: reach(system, code)}


def condition(
    sps: tuple[int, ...], modifier: str | None, values: Iterable[CodesValue]
) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    codes: dict[str, set[str]] = {}
    for value in values:
        for system, some in value.codes:
            codes.setdefault(system, set()).update(some)
    tests = tuple(_test(system, codes[system]) for system in sorted(codes))
    found = Rows("token", sps, tests)
    return Not(found) if modifier == "not-in" else found


def _test(system: str, codes: Iterable[str]) -> Fragment:
    keys = sorted(map(short_key, codes))
    return Fragment("@.code = ANY(%s::text[]) AND @.system = %s", (keys, system_key(system)))
