"""The language of mapping files: a resource as JSON, with rules where a message has the say. Pure.

    {"from": "PID-5", "as": "XPN"}             what stands there, by a reader of `READERS`
      "from": ["ORC-2", "OBR-2"]               the first place that says something
      "table": "0001"                          codes by this table
      "with": {"use": "home"}                  elements that the field does not tell itself
      "else": "unknown"                        where it says nothing
      "when": {"OBX-2": ["ED"]}                only if it is one of these; {"not": […]}: none of
                                               these; true: something stands there, false: nothing
    {"all": "NTE-3", "as": "lines"}            all that stands there as one, by a reader of `JOINED`
    {"first": [rule, rule], "else": …}         the first that says something
    {"each": "PV1-7", "element": {…}}          an element for each repetition; in it "." is that one
    {"in": "note", "element": {…}}             an element for each group of that name inside, for
      "where": {"OBX-2": ["ED"]}               which this holds
    {"refer": "patient"}                       a reference to what another rule makes of the message
      "only": true                             none where there are several

A field that is HL7's null (`""`) takes the element of a resource away, where no other place says
anything for it: the element is None.

A rule in a list gives an item for each repetition, elsewhere the first. `name[x]` becomes the name
with the type. An object whose rules all say nothing is left out, with all that is fixed in it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.v2fhir import (
    attachments,
    datatypes,
    demographics,
    parties,
    results,
    schedules,
)
from fhirserver_device_bridge.v2fhir.datatypes import Around, Read
from fhirserver_device_bridge.v2fhir.pieces import Piece, path_of
from fhirserver_device_bridge.v2fhir.structure import Group

Template = Any
"""JSON of a mapping file, whose form `mapping.schema.json` tells."""

Rule = Mapping[str, Any]
Refer = Callable[[str, Group], Sequence[str]]
"""Gives the references to what a rule made, as seen from a group."""

RULES = frozenset({"from", "all", "first", "each", "in", "refer"})


class Reader(NamedTuple):
    """How a piece is read.

    Attributes:
        type: of FHIR, for `name[x]`; "" where the reader names the element itself.
    """

    type: str
    read: Read


READERS: dict[str, Reader] = {
    "string": Reader("String", datatypes.text),
    "code": Reader("Code", datatypes.code),
    "boolean": Reader("Boolean", datatypes.boolean),
    "positiveInt": Reader("Integer", datatypes.positive_int),
    "date": Reader("Date", datatypes.date),
    "dateTime": Reader("DateTime", datatypes.date_time),
    "instant": Reader("Instant", datatypes.instant),
    "DR": Reader("Period", datatypes.date_range),
    "CWE": Reader("CodeableConcept", datatypes.coded),
    "Coding": Reader("Coding", datatypes.coding),
    "CX": Reader("Identifier", datatypes.cx),
    "EI": Reader("Identifier", datatypes.ei),
    "XPN": Reader("HumanName", demographics.xpn),
    "XAD": Reader("Address", demographics.xad),
    "XTN": Reader("ContactPoint", demographics.xtn),
    "ED": Reader("Attachment", attachments.encapsulated),
    "RP": Reader("Attachment", attachments.pointer),
    "CQ": Reader("Quantity", results.amount),
    "dose": Reader("Quantity", results.dose),
    "end": Reader("Instant", schedules.end),
    "minutes": Reader("Integer", schedules.minutes),
    "Annotation": Reader("Annotation", datatypes.annotation),
    "practitioner": Reader("Reference", parties.practitioner),
    "organization": Reader("Reference", parties.organization),
    "coded-organization": Reader("Reference", parties.coded_organization),
    "place": Reader("Reference", parties.place),
    "range": Reader("", results.normal_range),
    "value": Reader("", results.value),
    "component": Reader("", results.component),
}

JOINED: dict[str, Callable[[Iterable[Piece], Around], Any]] = {
    "lines": datatypes.lines,
    "plain": attachments.plain,
}
"""Readers of all that stands at a place, as one."""


class Found(NamedTuple):
    """What a template comes to.

    Attributes:
        values: one, or for a list several; none for what is left out.
        said: whether the message said any of it; None where nothing was asked of it.
        type: of FHIR; "" where none is told.
    """

    values: list[Any]
    said: bool | None
    type: str = ""


_NOTHING = Found([], said=False)


@dataclass(frozen=True, slots=True)
class View:
    """What a template sees: one group of a message.

    Attributes:
        each: the repetition that "." stands for; None outside of `each`.
    """

    group: Group
    around: Around
    refer: Refer
    each: Piece | None = None

    def pieces(self, place: str) -> Iterable[Piece]:
        """Give what stands at a place."""
        if place == ".":
            return () if self.each is None else (self.each,)
        return self.group.find(path_of(place))


def holds(condition: Mapping[str, Any], view: View) -> bool:
    """Tell whether all parts of a `when` hold."""
    return all(_holds(wanted, view.pieces(place)) for place, wanted in condition.items())


def _holds(wanted: bool | list[str] | dict[str, list[str]], pieces: Iterable[Piece]) -> bool:
    said = [piece.part(1) for piece in pieces]
    if isinstance(wanted, bool):
        return bool(said) is wanted
    if isinstance(wanted, dict):
        return all(each not in wanted["not"] for each in said)
    return any(each in wanted for each in said)


def resource(template: JsonObject, view: View) -> JsonObject:
    """Make a resource of its template; None for elements that are to be taken away."""
    written = _members(template, view)[0]
    for name, part in template.items():
        plain = name.removesuffix("[x]")
        if not any(each.startswith(plain) for each in written) and any(
            view.group.is_null(path_of(place)) for place in _places(part)
        ):
            written[plain] = None
    return written


def _places(template: Template) -> Iterator[str]:
    """Give the places that an element is read from."""
    if isinstance(template, list):
        for each in template:
            yield from _places(each)
    elif not isinstance(template, dict):
        return
    elif "from" in template:
        yield from [template["from"]] if isinstance(template["from"], str) else template["from"]
    elif "each" in template:
        yield template["each"]
    elif "in" not in template:
        yield from _places(list(template.values()))


def found(template: Template, view: View) -> Found:
    """Evaluate a template."""
    if isinstance(template, list):
        items = [found(each, view) for each in template]
        values = [value for item in items for value in item.values]
        return Found([values] if values else [], _said(items))
    if not isinstance(template, dict):
        return Found([template], None)
    if RULES.isdisjoint(template):
        return _object(template, view)
    return ruled(template, view)


def ruled(rule: Rule, view: View) -> Found:
    """Evaluate a rule."""
    if "when" in rule and not holds(rule["when"], view):
        return _NOTHING
    evaluate = next(each for name, each in _EVALUATE.items() if name in rule)
    return evaluate(rule, view)


def _object(template: JsonObject, view: View) -> Found:
    written, said = _members(template, view)
    return _NOTHING if said is False or not written else Found([written], said)


def _members(template: JsonObject, view: View) -> tuple[JsonObject, bool | None]:
    written: JsonObject = {}
    items = []
    for name, part in template.items():
        item = found(part, view)
        items.append(item)
        if item.values:
            written |= _named(name, item)
    return written, _said(items)


def _named(name: str, item: Found) -> JsonObject:
    """Give an element its name; outside of a list it is the first of several values."""
    value = item.values[0]
    if not name.endswith("[x]"):
        return {name: value}
    return {f"{name[:-3]}{item.type}": value} if item.type else dict(value)


def _said(items: Iterable[Found]) -> bool | None:
    asked = [item.said for item in items if item.said is not None]
    return any(asked) if asked else None


def _from(rule: Rule, view: View) -> Found:
    reader = READERS[rule["as"]]
    around = view.around
    if "table" in rule:
        around = replace(around, table=around.tables[rule["table"]])
    places = rule["from"] if isinstance(rule["from"], list) else [rule["from"]]
    for place in places:
        read = [reader.read(piece, around) for piece in view.pieces(place)]
        values = [_with(rule, value) for value in read if value is not None]
        if values:
            return Found(values, said=True, type=reader.type)
    values = [rule["else"]] if "else" in rule else []
    return Found(values, said=False, type=reader.type)


def _with(rule: Rule, value: Any) -> Any:
    return {**rule["with"], **value} if "with" in rule else value


def _all(rule: Rule, view: View) -> Found:
    value = JOINED[rule["as"]](view.pieces(rule["all"]), view.around)
    return _NOTHING if value is None else Found([value], said=True)


def _first(rule: Rule, view: View) -> Found:
    tried = (ruled(each, view) for each in rule["first"])
    otherwise = Found([rule["else"]], said=False) if "else" in rule else _NOTHING
    return next((each for each in tried if each.values), otherwise)


def _each(rule: Rule, view: View) -> Found:
    views = (replace(view, each=piece) for piece in view.pieces(rule["each"]))
    return _elements(rule, views)


def _in(rule: Rule, view: View) -> Found:
    groups = (group for group in view.group.inside() if group.rule.name == rule["in"])
    return _elements(rule, (replace(view, group=group) for group in groups))


def _elements(rule: Rule, views: Iterable[View]) -> Found:
    made = [found(rule["element"], each) for each in _chosen(rule, views)]
    values = [value for each in made for value in each.values]
    return Found(values, said=bool(values), type=made[0].type if made else "")


def _chosen(rule: Rule, views: Iterable[View]) -> Iterator[View]:
    """Leave out what does not hold in itself."""
    return (each for each in views if holds(rule.get("where", {}), each))


def _refer(rule: Rule, view: View) -> Found:
    references = view.refer(rule["refer"], view.group)
    if rule.get("only") and len(references) > 1:
        return _NOTHING
    return Found([{"reference": each} for each in references], said=bool(references))


_EVALUATE: dict[str, Callable[[Rule, View], Found]] = {
    "from": _from,
    "all": _all,
    "first": _first,
    "each": _each,
    "in": _in,
    "refer": _refer,
}
