"""Values in a person's words: names, codes, quantities, references.

The shape tells the data type; nothing here needs the element tables. A value of no known shape
becomes "element: text" pairs, down to a few levels.
"""

from collections.abc import Callable
from html import escape

from fhirserver.http.html.links import linked, shortened
from fhirserver.model.json import JsonObject, JsonValue

_DEPTH_LIMIT = 4
_ITEM_LIMIT = 25
_SUBJECTS = (
    "name",
    "title",
    "code",
    "medicationCodeableConcept",
    "vaccineCode",
    "type",
    "category",
    "description",
)
_VALUES = ("valueQuantity", "valueCodeableConcept", "valueString", "birthDate", "total")
_DATES = (
    "effectiveDateTime",
    "effectivePeriod",
    "onsetDateTime",
    "performedDateTime",
    "performedPeriod",
    "occurrenceDateTime",
    "authoredOn",
    "period",
    "billablePeriod",
    "date",
    "created",
    "recordedDate",
)


def plain(value: JsonValue, base_url: str, depth: int = 0) -> str:
    """Write a value as a line or a few of HTML.

    Args:
        value: of an element, of any data type, one or a list.
        base_url: this server's FHIR base, for links.
        depth: how many objects are around it.
    """
    if isinstance(value, list):
        shown = [plain(item, base_url, depth) for item in value[:_ITEM_LIMIT]]
        if len(value) > _ITEM_LIMIT:
            shown.append(f'<span class="faint">and {len(value) - _ITEM_LIMIT} more</span>')
        return "<br>".join(shown) if depth == 0 else ", ".join(shown)
    if isinstance(value, dict):
        return _object(value, base_url, depth)
    if isinstance(value, str):
        return linked(value, base_url)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(str(value))


def headline(resource: JsonObject) -> str:
    """Give what tells a resource from its like, as text: a name, a code, a value."""
    parts = [_first_words(resource, _SUBJECTS), _first_words(resource, _VALUES)]
    parts += [_words(component.get("valueQuantity")) for component in _components(resource)]
    return " · ".join(part for part in parts if part)


def when(resource: JsonObject) -> str:
    """Give the date that matters to a clinician, as it was sent; "" where there is none."""
    for name in _DATES:
        value = resource.get(name)
        if isinstance(value, dict):
            value = value.get("start") or value.get("end")
        if isinstance(value, str):
            return value
    return ""


def moment(text: str) -> str:
    """Shorten a dateTime to the minute."""
    return text[:16].replace("T", " ")


def _first_words(resource: JsonObject, names: tuple[str, ...]) -> str:
    return next((words for name in names if (words := _words(resource.get(name)))), "")


def _components(resource: JsonObject) -> list[JsonObject]:
    components = resource.get("component")
    if not isinstance(components, list):
        return []
    return [component for component in components if isinstance(component, dict)]


def _object(value: JsonObject, base_url: str, depth: int) -> str:
    if isinstance(value.get("reference"), str):
        display = value.get("display")
        text = linked(value["reference"], base_url, is_reference=True)
        return f"{text} ({shortened(display)})" if isinstance(display, str) else text
    words = _words(value)
    if words:
        return shortened(words)
    if depth >= _DEPTH_LIMIT:
        return "…"
    return "; ".join(
        f'<span class="faint">{escape(key)}</span> {plain(item, base_url, depth + 1)}'
        for key, item in value.items()
        if key != "div"
    )


def _words(value: JsonValue) -> str:
    """Give the words of a known shape; "" for any other."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return _words(value[0]) if value else ""
    if not isinstance(value, dict):
        return ""
    for fits, write in _SHAPES:
        if fits(value):
            return write(value)
    return ""


def _human_name(name: JsonObject) -> str:
    if isinstance(name.get("text"), str):
        return str(name["text"])
    words = [*_texts(name, "prefix"), *_texts(name, "given"), *_texts(name, "family")]
    return " ".join([*words, *_texts(name, "suffix")])


def _concept(concept: JsonObject) -> str:
    if isinstance(concept.get("text"), str):
        return str(concept["text"])
    codings = concept.get("coding")
    if not isinstance(codings, list):
        return ""
    return next((words for coding in codings if (words := _words(coding))), "")


def _coding(coding: JsonObject) -> str:
    return str(coding.get("display") or coding.get("code") or "")


def _address(address: JsonObject) -> str:
    if isinstance(address.get("text"), str):
        return str(address["text"])
    keys = ("line", "postalCode", "city", "state", "country")
    return ", ".join(text for key in keys for text in _texts(address, key))


def _quantity(quantity: JsonObject) -> str:
    parts = [quantity.get(key) for key in ("comparator", "value", "unit")]
    if parts[2] is None:
        parts[2] = quantity.get("code") or quantity.get("currency")
    return " ".join(str(part) for part in parts if part is not None)


def _period(period: JsonObject) -> str:
    return f"{period.get('start', '…')} – {period.get('end', '…')}"


def _identifier(identifier: JsonObject) -> str:
    system = identifier.get("system")
    return f"{identifier['value']} ({system})" if system else str(identifier["value"])


def _texts(parent: JsonObject, key: str) -> list[str]:
    value = parent.get(key)
    values = value if isinstance(value, list) else [value]
    return [item for item in values if isinstance(item, str)]


def _is_quantity(value: JsonObject) -> bool:
    return not isinstance(value.get("value", ""), str)


def _has(*keys: str) -> Callable[[JsonObject], bool]:
    wanted = frozenset(keys)
    return lambda value: not wanted.isdisjoint(value)


_SHAPES: tuple[tuple[Callable[[JsonObject], bool], Callable[[JsonObject], str]], ...] = (
    (_has("family", "given"), _human_name),
    (_has("coding"), _concept),
    (_has("line", "city", "postalCode"), _address),
    (_has("start", "end"), _period),
    (_is_quantity, _quantity),
    (_has("value"), _identifier),
    (_has("display", "code"), _coding),
    (_has("text"), lambda value: str(value["text"])),
)
