"""Rows of uri parameters; they stand among the tokens, without a system.

Spec: https://hl7.org/fhir/R4/search.html#uri

    uri, url, oid, uuid   the text
    canonical             the text, and without its version where it has one
"""

from collections.abc import Mapping

from fhirserver.search.extract.rows import Emit, Sink, Target
from fhirserver.search.extract.token import plain


def canonical(value: str, sink: Sink, target: Target) -> None:
    """Emit a canonical so that it is found with and without its version."""
    plain(value, sink, target)
    address, bar, _ = value.partition("|")
    if bar:
        plain(address, sink, target)


EMITTERS: Mapping[str, Emit] = {
    "uri": plain,
    "url": plain,
    "oid": plain,
    "uuid": plain,
    "canonical": canonical,
}
