"""URI search values.

Spec: https://hl7.org/fhir/R4/search.html#uri

    (none)  the URI is the value, to the letter
    :below  the URI is the value or lies below it in the hierarchy of its path
    :above  the value is the URI or lies below it

URNs have no hierarchy; below and above a URN there is only the URN itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fhirserver.search.conditions import BY_MAIN_DATE, Condition, Fragment, Rows
from fhirserver.search.escape import escape, unescape
from fhirserver.search.keys import short_key

MODIFIERS = frozenset({"below", "above"})
NOT_OFFERED: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UriValue:
    """A URI to look for, without escapes."""

    uri: str

    def render(self) -> str:
        """Write it as in a URL."""
        return escape(self.uri)


def parse(text: str, _modifier: str | None = None) -> UriValue:
    """Parse one value.

    Raises:
        ValueError: the value has a blank at one end or nothing in it.
    """
    uri = unescape(text)
    if not uri or uri != uri.strip():
        raise ValueError("a URI without blanks around it is needed")
    return UriValue(uri)


def condition(sps: tuple[int, ...], modifier: str | None, values: Iterable[UriValue]) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    test = {None: _equals, "below": _below, "above": _above}[modifier]
    found = tuple(test(value.uri) for value in values)
    if modifier is None:
        return Rows("token", sps, found, BY_MAIN_DATE, unique=True)
    return Rows("token", sps, found)


def _equals(uri: str) -> Fragment:
    return Fragment("@.code = %s", (short_key(uri),))


def _below(uri: str) -> Fragment:
    if uri.startswith("urn:"):
        return _equals(uri)
    stem = uri.rstrip("/")
    return Fragment(
        "(@.code = ANY(%s::text[]) OR (@.code >= %s AND @.code < %s))",
        ([short_key(stem), short_key(stem + "/")], stem + "/", stem + "0"),
    )


def _above(uri: str) -> Fragment:
    """Name the URI and every shorter one that ends before a path segment."""
    ancestors = [uri]
    scheme, separator, rest = uri.partition("://")
    if separator:
        segments = rest.split("/")
        for count in range(len(segments) - 1, 0, -1):
            stem = f"{scheme}://{'/'.join(segments[:count])}"
            ancestors += [stem + "/", stem]
    return Fragment("@.code = ANY(%s::text[])", ([short_key(each) for each in ancestors],))
