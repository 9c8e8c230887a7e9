"""What an XML Patch left alone, put back as it was before it went through XML. Pure.

XML forgets the order of names in an object, which means nothing and comes back all the same, and
how a narrative was written: its named entities, its empty elements, its quotation marks.
"""

from collections.abc import Iterator

from fhirserver.model.json import JsonObject, JsonValue
from fhirserver.model.xml_tree import parse_tree, xhtml_text
from fhirserver.model.xml_writer import narrative_xml


def as_it_was(patched: JsonObject, before: JsonObject) -> JsonObject:
    """Give a patched resource the order and the narratives that it had.

    Args:
        patched: as read from XML.
        before: as stored.
    """
    narratives = {_normal(div): div for div in _narratives(before)}
    found: JsonObject = _restored(patched, before, narratives)
    return found


def _narratives(value: JsonValue) -> Iterator[str]:
    if value.__class__ is dict:
        for key, item in value.items():
            if key == "div" and item.__class__ is str:
                yield item
            else:
                yield from _narratives(item)
    elif value.__class__ is list:
        for item in value:
            yield from _narratives(item)


def _normal(div: str) -> str:
    """Write a narrative as one that went through XML is written."""
    return xhtml_text(parse_tree(narrative_xml(div).encode()))


def _restored(value: JsonValue, before: JsonValue, narratives: dict[str, str]) -> JsonValue:
    if value.__class__ is list:
        models = _partners(value, before if before.__class__ is list else [])
        return [
            _restored(item, model, narratives) for item, model in zip(value, models, strict=True)
        ]
    if value.__class__ is not dict:
        return value
    model = before if before.__class__ is dict else {}
    names = [name for name in model if name in value]
    names += [name for name in value if name not in model]
    return {
        name: narratives.get(value[name], value[name])
        if name == "div" and value[name].__class__ is str
        else _restored(value[name], model.get(name), narratives)
        for name in names
    }


def _partners(items: list[JsonValue], before: list[JsonValue]) -> list[JsonValue]:
    """Find for each item what it was: equal ones at either end, by place in between."""
    shorter = min(len(items), len(before))
    head = 0
    while head < shorter and items[head] == before[head]:
        head += 1
    tail = 0
    while tail < shorter - head and items[-1 - tail] == before[-1 - tail]:
        tail += 1
    middle = before[head : len(before) - tail]
    wanted = len(items) - head - tail
    middle = [*middle[:wanted], *[None] * (wanted - len(middle))]
    return [*before[:head], *middle, *before[len(before) - tail :]]
