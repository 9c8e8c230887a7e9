"""Words, Lists and contained resources as R4 words them, over JSON in memory.

Spec: https://hl7.org/fhir/R4/search.html#content, #list and #contained
"""

import html
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.search.oracle import texts
from tests.search.oracle.matcher import matches

Json = dict[str, Any]
Words = Any
"""A drawn search for words: a word or phrase, ("not", words), or (words, "and"/"or", words)."""
LONGEST = 150_000
"""So many characters of a text are looked at, as the server documents it."""
KNOWN = ("bone", "Ève", "smith-jones", "o'brien", "liver", "bones")


def narratives() -> st.SearchStrategy[Json]:
    """Draw a narrative of a few words, some marked up."""
    word = st.sampled_from(KNOWN).map(html.escape)
    marked = word.map(lambda each: f"<b>{each[0]}</b>{each[1:]}")
    lines = st.lists(st.one_of(word, marked), max_size=4).map(" ".join)
    divs = st.lists(lines, min_size=1, max_size=2).map("</p><p>".join)
    return divs.map(
        lambda text: {
            "status": "generated",
            "div": f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{text}</p></div>',
        }
    )


def searches() -> st.SearchStrategy[Words]:
    """Draw a search for words."""
    phrases = st.lists(st.sampled_from(KNOWN), min_size=1, max_size=2).map(" ".join)

    def larger(inner: st.SearchStrategy[Words]) -> st.SearchStrategy[Words]:
        joined = st.tuples(inner, st.sampled_from(["and", "or"]), inner)
        return st.one_of(inner.map(lambda each: ("not", each)), joined)

    return st.recursive(phrases, larger, max_leaves=3)


def written(drawn: Words) -> str:
    """Write a search for words."""
    if isinstance(drawn, str):
        return f'"{drawn}"'
    return " ".join(
        f"({written(each)})" if number % 2 == (len(drawn) == 2) else each
        for number, each in enumerate(drawn)
    )


def has_words(text: str, drawn: Words) -> bool:
    """Tell whether a text has the words: whole, a phrase one after the other."""
    if isinstance(drawn, str):
        return f" {texts.comparable(drawn)} " in f" {texts.comparable(text)[:LONGEST]} "
    if drawn[0] == "not":
        return not has_words(text, drawn[1])
    left, word, right = (drawn[0], drawn[1], drawn[2])
    found = (has_words(text, left), has_words(text, right))
    return all(found) if word == "and" else any(found)


def told(resource: Json) -> str | None:
    """Give the text of a narrative; None where there are no words."""
    xhtml = resource.get("text", {}).get("div", "")
    text = html.unescape(re.sub("<[^>]*>", "", re.sub("</?p>", " ", xhtml)))
    return text if text.strip() else None


def content(value: Any) -> Iterator[str]:
    """Give every text of the drawn resources; none of them is base64."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from content(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from content(each if name != "div" else told({"text": {"div": each}}) or "")


def contained_matches(container: Json, type_name: str, query: list[tuple[str, str]]) -> list[str]:
    """Name what is contained in a resource and fulfils a query."""
    return [each["id"] for each in container["contained"] if matches(each, type_name, query)]
