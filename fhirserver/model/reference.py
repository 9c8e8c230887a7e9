"""Literal references, taken apart.

Spec: https://hl7.org/fhir/R4/references.html#literal

    Patient/123                          local
    Patient/123/_history/4               local, one version
    http://here/fhir/Patient/123         local when it starts with this server's base
    http://elsewhere/fhir/Patient/123    external
    urn:uuid:...  urn:oid:...            external (rewritten inside a transaction)
    #p1                                  contained
"""

import re
from typing import NamedTuple

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_LITERAL = re.compile(
    r"([A-Z][A-Za-z]*)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?", re.ASCII
)


class LocalReference(NamedTuple):
    """A reference to a resource of this server; `version` is None unless it names one."""

    type: str
    id: str
    version: str | None


def is_id(text: str) -> bool:
    """Whether a text is a FHIR id."""
    return ID.fullmatch(text) is not None


def parse_reference(text: str, base_url: str | None = None) -> LocalReference | None:
    """Take a literal reference apart; None for contained, external and malformed ones.

    Args:
        text: the value of Reference.reference.
        base_url: this server's FHIR base without a trailing slash; None when it has none.

    Returns:
        The parts; the type is not checked against the list of resource types.
    """
    if base_url is not None and text.startswith(base_url + "/"):
        text = text[len(base_url) + 1 :]
    match = _LITERAL.fullmatch(text)
    return LocalReference(match[1], match[2], match[3]) if match else None
