"""Reference rows by datatype.

Spec: https://hl7.org/fhir/R4/search.html#reference

    "Patient/1", our own absolute URL   a reference row
    any other URL, "urn:..."            a token row under EXTERNAL_OFFSET: version, URL without it
    "#x"                                what is contained under that id; "#" is the container
    Reference.identifier                a token row under IDENTIFIER_OFFSET: system, value
    Reference.display                   a string row, for `:text`
    canonical, uri                      as a URL
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from fhirserver.model.json import JsonObject
from fhirserver.model.reference import LocalReference, parse_reference
from fhirserver.search.extract import string
from fhirserver.search.extract.rows import Emit, Sink, Target
from fhirserver.search.keys import EXTERNAL_OFFSET, IDENTIFIER_OFFSET, short_key, system_key


def reference(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit the literal reference and the identifier, each where there is one."""
    literal = value.get("reference")
    if literal:
        url(literal, sink, target)
    identifier = value.get("identifier")
    if identifier and ("system" in identifier or "value" in identifier):
        key = system_key(identifier.get("system"))
        code = short_key(identifier.get("value") or "")
        for sp in target.sps:
            sink.token.append((sp + IDENTIFIER_OFFSET, key, code))
    display(value, sink, target)


def display(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit the display alone."""
    text = value.get("display")
    if text:
        string.text(text, sink, target)


def url(value: str, sink: Sink, target: Target) -> None:
    """Emit a literal reference or a canonical."""
    if value.startswith("#"):
        sink.internal += [(sp, value[1:]) for sp in target.sps]
        return
    local = parse_local(value, sink.base_url)
    if local is not None and local.type in sink.local_types:
        for sp in target.sps:
            sink.reference.append((sp, local.type, local.id))
        return
    address, _, version = value.partition("|")
    code, key = short_key(address), system_key(version)
    for sp in target.sps:
        sink.token.append((sp + EXTERNAL_OFFSET, key, code))


EMITTERS: Mapping[str, Emit] = {
    "Reference": reference,
    "canonical": url,
    "uri": url,
    "url": url,
}


@lru_cache(maxsize=4096)
def parse_local(text: str, base_url: str | None) -> LocalReference | None:
    """Take a local reference apart; remembers what it has seen, as patients come often."""
    return parse_reference(text, base_url)


def resolves_to(type_name: str) -> Callable[[JsonObject], bool]:
    """Make the test `resolve() is T`, which asks no database: the reference names its type."""
    ends_in = re.compile(rf"(?:.*/)?{type_name}/[A-Za-z0-9\-.]{{1,64}}(?:/_history/.*)?", re.DOTALL)

    def test(value: JsonObject) -> bool:
        literal = value.get("reference")
        if literal and not literal.startswith(("#", "urn:")):
            return ends_in.fullmatch(literal) is not None
        return bool(value.get("type") == type_name)

    return test
