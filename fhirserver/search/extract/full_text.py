"""Words of a resource, for `_text` and `_content`.

Spec: https://hl7.org/fhir/R4/search.html#content

The content of a resource is every text in it, also codes, ids and URLs, in the order of the JSON;
its own id and meta, the markup of its narrative and what is base64 are not.
"""

from collections.abc import Iterator

from fhirserver.model.json import JsonObject
from fhirserver.search.words import without_markup, words

_OF_THE_SERVER = frozenset({"resourceType", "id", "meta"})
"""Elements of the whole that the server sets, or that parameters of their own look at."""
_BASE64 = frozenset({"data", "hash", "valueBase64Binary"})


def narrative_rows(resource: JsonObject, sp: int | None) -> list[tuple[int, str]]:
    """Find the words of the narrative; XHTML that is no text has none."""
    xhtml = resource.get("text", {}).get("div", "")
    return _row(without_markup(xhtml), sp) if sp is not None and xhtml else []


def content_rows(resource: JsonObject, sp: int | None) -> list[tuple[int, str]]:
    """Find the words of everything."""
    if sp is None:
        return []
    told = {name: item for name, item in resource.items() if name not in _OF_THE_SERVER}
    return _row(" ".join(_texts(told)), sp)


def _row(text: str, sp: int) -> list[tuple[int, str]]:
    found = words(text)
    return [(sp, " ".join(found))] if found else []


def _texts(value: JsonObject) -> Iterator[str]:
    for name, item in value.items():
        if name == "div":
            yield without_markup(item)
        elif name not in _BASE64:
            for each in item if isinstance(item, list) else (item,):
                if isinstance(each, str):
                    yield each
                elif isinstance(each, dict):
                    yield from _texts(each)
