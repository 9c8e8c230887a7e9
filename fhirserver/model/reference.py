"""Literal references, taken apart.

Spec: https://hl7.org/fhir/R4/references.html#literal

    Patient/123                          local
    Patient/123/_history/4               local, one version
    http://here/fhir/Patient/123         local when it starts with this server's base, whatever the
    HTTP://HERE:80/fhir/Patient/123      case of scheme and host, with the default port or without
    http://elsewhere/fhir/Patient/123    external
    urn:uuid:...  urn:oid:...            external (rewritten inside a transaction)
    #p1                                  contained
"""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}", re.ASCII)
_LITERAL = re.compile(
    r"([A-Z][A-Za-z]*)/([A-Za-z0-9\-.]{1,64})(?:/_history/([A-Za-z0-9\-.]{1,64}))?", re.ASCII
)
_DEFAULT_PORTS = {"http": "80", "https": "443"}


class LocalReference(NamedTuple):
    """A reference to a resource of this server; `version` is None unless it names one."""

    type: str
    id: str
    version: str | None


def is_id(text: str) -> bool:
    """Whether a text is a FHIR id."""
    return ID.fullmatch(text) is not None


def below_base(text: str, base_url: str) -> str | None:
    """Give what stands below a base, without the slash; None for any other text.

    Spellings count as equal as RFC 3986 section 6.2 has it: by the case of scheme and host, and by
    the default port.
    """
    if text.startswith(base_url) and text[len(base_url) : len(base_url) + 1] == "/":
        return text[len(base_url) + 1 :]
    if text[:4].lower() != "http":
        return None
    match = _base_pattern(base_url).match(text)
    return None if match is None else text[match.end() :]


@lru_cache(maxsize=16)
def _base_pattern(base_url: str) -> re.Pattern[str]:
    parts = urlsplit(base_url)
    host, colon, port = parts.netloc.rpartition(":")
    if not colon or not port.isdigit():
        host, port = parts.netloc, ""
    default = _DEFAULT_PORTS.get(parts.scheme, "")
    written = f"(?::{default})?" if port in ("", default) else f":{port}"
    origin = f"(?i:{parts.scheme}://{re.escape(host)}){written}"
    return re.compile(f"{origin}{re.escape(parts.path)}/")


def parse_reference(text: str, base_url: str | None = None) -> LocalReference | None:
    """Take a literal reference apart; None for contained, external and malformed ones.

    Args:
        text: the value of Reference.reference.
        base_url: this server's FHIR base without a trailing slash; None when it has none.

    Returns:
        The parts; the type is not checked against the list of resource types.
    """
    below = None if base_url is None else below_base(text, base_url)
    match = _LITERAL.fullmatch(text if below is None else below)
    return LocalReference(match[1], match[2], match[3]) if match else None
