"""Words of a text, as the index of narratives and a search for them share them. Pure.

A change here changes stored rows, so it needs a new `EXTRACTOR_VERSION`.
"""

import html
import re

from fhirserver.search.keys import fold

WORD_CHARS = 200
"""A longer word is cut; so is the one that it is compared with."""
TEXT_CHARS = 150_000
"""So much of a folded text is indexed: PostgreSQL holds up to a megabyte of distinct words."""

_INLINE = re.compile("a|abbr|acronym|b|big|em|font|i|q|s|small|span|strong|sub|sup|tt|u", re.I)
_TAG = re.compile(r"""</?([A-Za-z0-9]*)(?:[^<>"']|"[^"<]*"|'[^'<]*')*>""")
_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Split a text into folded words."""
    return [word[:WORD_CHARS] for word in _WORD.findall(fold(text)[:TEXT_CHARS])]


def without_markup(xhtml: str) -> str:
    """Give the text of XHTML: tags of paragraphs and cells part words, those of letters do not."""
    first, *others = xhtml.split("<!--")
    text = first + "".join(each.partition("-->")[2] for each in others)
    return html.unescape(_TAG.sub(_between, text))


def _between(tag: re.Match[str]) -> str:
    return "" if _INLINE.fullmatch(tag[1]) else " "
