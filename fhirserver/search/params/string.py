"""String search values.

Spec: https://hl7.org/fhir/R4/search.html#string

    (none)     the folded value stands at the beginning of the folded text
    :contains  ... anywhere in it
    :exact     the text is the value, with case and accents

Filters compare folded texts further: eq, ne, ew (it ends so), and gt, lt, ge, le by code points.

`fhirserver.search.keys.fold` says what folding takes away. The index holds the first
`INDEXED_CHARS` characters of a folded text; what is longer is checked on the row.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fhirserver.search.conditions import BY_TEXT, Condition, Fragment, Rows
from fhirserver.search.escape import escape, unescape
from fhirserver.search.keys import after_prefix, fold

MODIFIERS = frozenset({"exact", "contains"})
NOT_OFFERED: frozenset[str] = frozenset()
INDEXED_CHARS = 200


@dataclass(frozen=True, slots=True)
class StringValue:
    """A text to look for, without escapes."""

    text: str

    def render(self) -> str:
        """Write it as in a URL."""
        return escape(self.text)


def parse(text: str, _modifier: str | None = None) -> StringValue:
    """Parse one value.

    Raises:
        ValueError: nothing in it can be searched for.
    """
    value = StringValue(unescape(text))
    if not fold(value.text):
        raise ValueError("a visible character is needed")
    return value


def condition(
    sps: tuple[int, ...], modifier: str | None, values: Iterable[StringValue]
) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    test = _TESTS[modifier]
    order = BY_TEXT if modifier in (None, "exact", "eq") else ()
    return Rows("string", sps, tuple(test(value.text) for value in values), order)


def starts_with(text: str) -> Fragment:
    """Test that the folded text begins so, by a range that the index answers."""
    prefix = fold(text)
    indexed = prefix[:INDEXED_CHARS]
    test = Fragment(
        "left(@.norm, 200) >= %s AND left(@.norm, 200) < %s", (indexed, after_prefix(indexed))
    )
    if indexed == prefix:
        return test
    return Fragment(f"{test.text} AND starts_with(@.norm, %s)", (*test.params, prefix))


def _equals(text: str) -> Fragment:
    return Fragment("left(@.norm, 200) = %s AND @.exact = %s", (fold(text)[:INDEXED_CHARS], text))


def _contains(text: str) -> Fragment:
    return Fragment("@.norm LIKE %s", (f"%{_pattern(text)}%",))


def _ends(text: str) -> Fragment:
    return Fragment("@.norm LIKE %s", (f"%{_pattern(text)}",))


def _pattern(text: str) -> str:
    pattern = fold(text)
    for special in ("\\", "%", "_"):
        pattern = pattern.replace(special, "\\" + special)
    return pattern


def _same(text: str) -> Fragment:
    folded = fold(text)
    return Fragment("left(@.norm, 200) = %s AND @.norm = %s", (folded[:INDEXED_CHARS], folded))


def _compares(operator: str) -> Callable[[str], Fragment]:
    return lambda text: Fragment(f"@.norm {operator} %s", (fold(text),))


_TESTS: dict[str | None, Callable[[str], Fragment]] = {
    None: starts_with,
    "exact": _equals,
    "contains": _contains,
    "eq": _same,
    "ne": _compares("<>"),
    "ew": _ends,
    "gt": _compares(">"),
    "lt": _compares("<"),
    "ge": _compares(">="),
    "le": _compares("<="),
}
