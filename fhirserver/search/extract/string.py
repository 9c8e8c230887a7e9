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
_fold_again = lru_cache(maxsize=8192)(fold)
"""Displays come again and again, and a name stands under several parameters."""


def text(value: str, sink: Sink, target: Target) -> None:
    """Emit a text."""
    folded = _fold_again(value) if len(value) <= _CACHED_CHARS else fold(value)
    exact = value.replace("\0", "") if "\0" in value else value
    for sp in target.sps:
        sink.string.append((sp, folded, exact))


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
