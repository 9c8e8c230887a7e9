"""URI search values.

Spec: https://hl7.org/fhir/R4/search.html#uri

    (none)  the URI is the value, to the letter
    :below  the URI begins with the value
    :above  the value begins with the URI

Beginnings are compared letter by letter; what comes out below `http://acme.org/fhir/` depends on
the last slash. URNs have no hierarchy; below and above a URN there is only the URN itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from fhirserver.search.conditions import BY_MAIN_DATE, Condition, Fragment, Rows
from fhirserver.search.escape import escape, unescape
from fhirserver.search.keys import KEY_PREFIX_BYTES, after_prefix, short_key

MODIFIERS = frozenset({"below", "above"})
NOT_OFFERED: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class UriValue:
    """A URI to look for, without escapes."""

    uri: str

    def render(self) -> str:
        """Write it as in a URL."""
        return escape(self.uri)


def parse(text: str, modifier: str | None = None) -> UriValue:
    """Parse one value.

    Raises:
        ValueError: the value has a blank at one end or nothing in it, or is too long to be
            compared with beginnings.
    """
    uri = unescape(text)
    if not uri or uri != uri.strip():
        raise ValueError("a URI without blanks around it is needed")
    if modifier is not None and len(uri.encode(errors="replace")) > KEY_PREFIX_BYTES:
        raise ValueError(f"with a modifier a URI has at most {KEY_PREFIX_BYTES} bytes")
    return UriValue(uri)


def condition(sps: tuple[int, ...], modifier: str | None, values: Iterable[UriValue]) -> Condition:
    """Build the condition of one criterion; its values are alternatives."""
    uris = [value.uri for value in values]
    if modifier is None:
        return Rows("token", sps, tuple(map(_equals, uris)), BY_MAIN_DATE, unique=True)
    if modifier == "below":
        return Rows("token", sps, tuple(map(_below, uris)))
    return Rows("token", sps, (_above(uris),))


def _equals(uri: str) -> Fragment:
    return Fragment("@.code = %s", (short_key(uri),))


def _below(uri: str) -> Fragment:
    if uri.startswith("urn:"):
        return _equals(uri)
    return Fragment("(@.code >= %s AND @.code < %s)", (uri, after_prefix(uri)))


def _above(uris: Iterable[str]) -> Fragment:
    """Look for all beginnings at once: many lists of them take PostgreSQL seconds to plan."""
    found: dict[str, None] = {}
    for uri in uris:
        shortest = len(uri) if uri.startswith("urn:") else 1
        found |= dict.fromkeys(uri[:length] for length in range(shortest, len(uri) + 1))
    return Fragment("@.code = ANY(%s::text[])", (list(found),))
