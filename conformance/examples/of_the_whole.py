"""Examples of the parameters that look at a resource as a whole: its words, and `_filter`.

Spec: https://hl7.org/fhir/R4/search.html#content and https://hl7.org/fhir/R4/search_filter.html
"""

from fhirserver_conformance.examples.minimal import BARE, FIRST, SECOND, minimal, own_id
from fhirserver_conformance.examples.of_values import Ask, Example
from fhirserver_conformance.examples.values import Json

CLAIMED = {"_content": ("", "missing"), "_filter": ("",), "_text": ("", "missing")}
"""What is claimed of each by naming it."""


def whole_example(name: str, code: str) -> Example:
    """Make the example of a parameter in `CLAIMED` on a type."""
    return {"_content": _content, "_filter": _filter, "_text": _text}[code](name)


def _content(name: str) -> Example:
    """Tell resources apart by their language, which every type has; one has no words at all."""
    values = {label: minimal(name) | {"language": label} for label in ("zu", "xh")}
    return Example(
        values,
        (
            Ask("", "zu", ("zu",), ("xh", BARE)),
            Ask("", "ZU or xh", ("zu", "xh"), (BARE,)),
            Ask("", "language", (), ("zu", "xh")),
            Ask("missing", "false", ("zu", "xh"), ()),
            Ask("missing", "true", (), ("zu", "xh")),
        ),
    )


def _text(name: str) -> Example:
    hit, miss = ("hit",), ("miss",)
    return Example(
        {"hit": _told(name, "A <b>zeph</b>yr at noon"), "miss": _told(name, "An oblong at noon")},
        (
            Ask("", "zephyr", hit, (*miss, BARE)),
            Ask("", "ZEPHYR noon", hit, (*miss, BARE)),
            Ask("", '"noon zephyr"', (), (*hit, *miss, BARE)),
            Ask("", "zephyr OR oblong", (*hit, *miss), (BARE,)),
            Ask("", "div", (), (*hit, *miss, BARE)),
            Ask("missing", "false", (*hit, *miss), (BARE,)),
            Ask("missing", "true", (BARE,), (*hit, *miss)),
        ),
    )


def _told(name: str, words: str) -> Json:
    div = f'<div xmlns="http://www.w3.org/1999/xhtml"><p>{words}</p></div>'
    return minimal(name) | {"text": {"status": "generated", "div": div}}


def _filter(name: str) -> Example:
    first, second = own_id(name, FIRST), own_id(name, SECOND)
    return Example(
        {},
        (
            Ask("", f'_id eq "{first}"', (FIRST,), (SECOND, BARE)),
            Ask("", f"_id eq {first} or _id eq {second}", (FIRST, SECOND), (BARE,)),
            Ask("", f"_id pr true and not (_id eq {first})", (SECOND, BARE), (FIRST,)),
        ),
    )
