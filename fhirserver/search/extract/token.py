"""Token rows by datatype.

Spec: https://hl7.org/fhir/R4/search.html#token (the table of datatypes)

    Coding            system, code                CodeableConcept   each coding
    Identifier        system, value               ContactPoint      value
    code              implicit system, code       boolean           "true" or "false"
    string, id, uri   the text

A system without a code is a row too: `system|` asks for it. What `:text` searches, the text of a
CodeableConcept, the display of a Coding and the text of an Identifier's type, goes to the string
rows of the same parameter; `:of-type` has token rows under an offset.
"""

from collections.abc import Mapping

from fhirserver.model.json import JsonObject
from fhirserver.search.extract import string
from fhirserver.search.extract.rows import Emit, Sink, Target
from fhirserver.search.keys import OF_TYPE_OFFSET, short_key, system_key


def coding(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit system and code, and the display."""
    system, code = value.get("system"), value.get("code")
    if system or code:
        key, code_key = system_key(system), short_key(code or "")
        for sp in target.sps:
            sink.token.append((sp, key, code_key))
    display = value.get("display")
    if display:
        string.text(display, sink, target)


def codeable_concept(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit every coding, and the text."""
    for each in value.get("coding") or ():
        coding(each, sink, target)
    text = value.get("text")
    if text:
        string.text(text, sink, target)


def identifier(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit system and value, the type's codes with the value, and the type's text."""
    system, text = value.get("system"), value.get("value")
    if system or text:
        key, code_key = system_key(system), short_key(text or "")
        for sp in target.sps:
            sink.token.append((sp, key, code_key))
    kind = value.get("type")
    if not kind:
        return
    if text:
        for each in kind.get("coding") or ():
            if "code" in each:
                key = system_key(each.get("system"))
                code_key = short_key(f"{each['code']}|{text}")
                for sp in target.sps:
                    sink.token.append((sp + OF_TYPE_OFFSET, key, code_key))
    if kind.get("text"):
        string.text(kind["text"], sink, target)


def contact_point(value: JsonObject, sink: Sink, target: Target) -> None:
    """Emit the value; the system (phone, email) is not a token's system."""
    text = value.get("value")
    if text:
        plain(text, sink, target)


def code(value: str, sink: Sink, target: Target) -> None:
    """Emit a code with the system that its binding implies."""
    key = short_key(value)
    for sp in target.sps:
        sink.token.append((sp, target.system, key))


def boolean(value: bool, sink: Sink, target: Target) -> None:
    """Emit "true" or "false"."""
    for sp in target.sps:
        sink.token.append((sp, 0, "true" if value else "false"))


def plain(value: str, sink: Sink, target: Target) -> None:
    """Emit a text as a token without a system."""
    key = short_key(value)
    for sp in target.sps:
        sink.token.append((sp, 0, key))


EMITTERS: Mapping[str, Emit] = {
    "Coding": coding,
    "CodeableConcept": codeable_concept,
    "Identifier": identifier,
    "ContactPoint": contact_point,
    "code": code,
    "boolean": boolean,
    "string": plain,
    "id": plain,
    "uri": plain,
    "url": plain,
    "canonical": plain,
    "oid": plain,
    "uuid": plain,
}
