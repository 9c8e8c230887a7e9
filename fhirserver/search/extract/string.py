"""String rows by datatype.

Spec: https://hl7.org/fhir/R4/search.html#string

    string, markdown   the text
    HumanName          family, given, prefix, suffix, text
    Address            line, city, district, state, postalCode, country, text

Every part is a row of its own, so a search matches the beginning of any part.
"""

from collections.abc import Mapping
from functools import lru_cache

from fhirserver.model.json import JsonObject
from fhirserver.search.extract.rows import Emit, Sink, Target
from fhirserver.search.keys import fold

_CACHED_CHARS = 100


def text(value: str, sink: Sink, target: Target) -> None:
    """Emit a text."""
    _emit(fold(value), value, sink, target)


def emit_label(value: str, sink: Sink, target: Target) -> None:
    """Emit the text or display that stands beside a code; the same ones come again and again."""
    folded = _fold_label(value) if len(value) <= _CACHED_CHARS else fold(value)
    _emit(folded, value, sink, target)


def human_name(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit the parts of a name."""
    _parts(value, ("family", "text"), ("given", "prefix", "suffix"), sink, target)


def address(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit the parts of an address."""
    single = ("text", "city", "district", "state", "postalCode", "country")
    _parts(value, single, ("line",), sink, target)


EMITTERS: Mapping[str, Emit] = {
    "string": text,
    "markdown": text,
    "HumanName": human_name,
    "Address": address,
}


def _parts(
    value: JsonObject,
    single: tuple[str, ...],
    repeated: tuple[str, ...],
    sink: Sink,
    target: Target,
) -> None:
    for name in single:
        part = value.get(name)
        if part:
            text(part, sink, target)
    for name in repeated:
        for part in value.get(name) or ():
            if part:
                text(part, sink, target)


_fold_label = lru_cache(maxsize=4096)(fold)


def _emit(folded: str, value: str, sink: Sink, target: Target) -> None:
    exact = value.replace("\0", "") if "\0" in value else value
    for sp in target.sps:
        sink.string.append((sp, folded, exact))
