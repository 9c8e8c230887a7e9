"""Texts that lead somewhere become links; every other text stays text.

Only http and https and this server's own addresses are followed: a stored `javascript:` or `data:`
URL is shown and never linked.
"""

from html import escape

from fhirserver.model.reference import parse_reference

_TEXT_LIMIT = 2000


def linked(text: str, base_url: str, *, is_reference: bool = False) -> str:
    """Write a text as HTML, as a link where it is an address.

    Args:
        text: any stored text.
        base_url: this server's FHIR base without a trailing slash.
        is_reference: the text is a literal reference, so "Patient/1" is an address too.
    """
    target = address(text, base_url, is_reference=is_reference)
    if target is None:
        return shortened(text)
    relation = "" if target.startswith(f"{base_url}/") else ' rel="noreferrer noopener"'
    return f'<a href="{escape(target)}"{relation}>{shortened(text)}</a>'


def address(text: str, base_url: str, *, is_reference: bool = False) -> str | None:
    """Give the address that a text stands for; None for none."""
    if text.startswith(("http://", "https://")) and not any(mark in text for mark in ' "<>\n'):
        return text
    if is_reference:
        # Contained and logical references have no address; a query is a conditional one.
        reference = parse_reference(text)
        if reference is not None:
            return f"{base_url}/{text}"
    return None


def shortened(text: str) -> str:
    """Escape a text; a very long one (a document in base64) is cut."""
    if len(text) <= _TEXT_LIMIT:
        return escape(text)
    return f"{escape(text[:_TEXT_LIMIT])}… ({len(text)} characters)"
