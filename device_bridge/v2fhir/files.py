"""Mapping files of messages: shipped by name, or a hospital's own by path.

    {"name": "v2-adt", "version": "1",
     "messages": {"ADT": ["A01", "A08"]},
     "holds": ["EVN"],
     "groups": [{"name": "patient", "begins": ["PID"], "holds": ["PV1"]}],
     "resources": [
       {"name": "patient", "group": "patient", "write": "update",
        "identity": [{"from": "PID-3", "as": "record"}],
        "resource": {"resourceType": "Patient", "name": [{"from": "PID-5", "as": "XPN"}]}}],
     "tables": {"0001": {"codes": {"W": "female"}}}}

    write      update: made, and changed by later messages; create: made once; find: only referred
               to
    identity   the first that the message fills: an identifier, or `key`: what tells one from
               another among those of a patient, all of it filled, and `with`, filled or not
    of         a resource made before, among whose own a key tells one from another
    needs      places that must say something
    when       as in `templates`

A file is YAML or JSON, held against `mapping.schema.json` and against what a schema cannot say. A
fault is told with its line, and no message is read by a mapping that has one. `tables` of a file go
before those that are shipped (`tables.json`), code by code.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from fhirserver_device_bridge.config.checking import check
from fhirserver_device_bridge.config.document import Document
from fhirserver_device_bridge.config.kept_files import KeptFiles
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.source import MESSAGES, Source
from fhirserver_device_bridge.v2fhir.datatypes import CodeTable
from fhirserver_device_bridge.v2fhir.pieces import path_of
from fhirserver_device_bridge.v2fhir.structure import MESSAGE, GroupRule
from fhirserver_device_bridge.v2fhir.templates import JOINED, READERS

_PLACES = ("from", "all", "each", "needs", "key", "with", "when", "where")
"""Keys whose value is places, or has places as its keys."""

_Place = tuple[str | int, ...]
_Fault = tuple[_Place, str]


@dataclass(frozen=True, slots=True)
class ResourceRule:
    """One resource that a message makes, for each group of a name; attributes as in the file."""

    name: str
    group: str
    write: Literal["update", "create", "find"]
    identity: tuple[Mapping[str, Any], ...]
    template: JsonObject
    of: str
    needs: tuple[str, ...]
    when: Mapping[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """One mapping file.

    Attributes:
        version: name and version, as Provenance has it.
        events: of table 0003 by type of message.
        holds: segments that stand outside of all groups.
        systems: URIs of code systems by the names of table 0396.
    """

    version: str
    events: Mapping[str, frozenset[str]]
    holds: frozenset[str]
    groups: tuple[GroupRule, ...]
    resources: tuple[ResourceRule, ...]
    tables: Mapping[str, CodeTable]
    systems: Mapping[str, str]


def mapping_of(source: Source, kind: str, event: str) -> Mapped | None:
    """Find the mapping by which a source's messages of a type are read; None if there is none."""
    return next(
        (each for each in mappings_of(source) if event in each.events.get(kind, ())),
        None,
    )


def mappings_of(source: Source) -> tuple[Mapped, ...]:
    """Give the mappings of a source, its own files among them.

    Raises:
        ConfigError: a file cannot be read or used.
    """
    return tuple(map(_named, source.messages))


def _named(name: str) -> Mapped:
    return _of_shipped(name) if name in MESSAGES else MESSAGE_MAPPINGS.get(Path(name))


@lru_cache(maxsize=len(MESSAGES))
def _of_shipped(name: str) -> Mapped:
    return make_mapping(json.loads(_shipped(f"maps/{name.lower()}.json")))


def _made(document: Document) -> Mapped:
    check(document, _shipped("mapping.schema.json"))
    for place, message in faults(document.value):
        raise document.error(place, message)
    return make_mapping(document.value)


MESSAGE_MAPPINGS = KeptFiles(_made)
"""Mapping files of messages that are used."""


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_shipped("tables.json"))
    return data


def _shipped(name: str) -> bytes:
    return files(__package__).joinpath(name).read_bytes()


def make_mapping(data: Mapping[str, Any]) -> Mapped:
    """Make a mapping of a file whose form is valid, and that has no `faults`."""
    return Mapped(
        version=f"{data['name']}|{data['version']}",
        events={kind: frozenset(events) for kind, events in data["messages"].items()},
        holds=frozenset(("MSH", "EVN", *data.get("holds", ()))),
        groups=tuple(
            GroupRule(
                each["name"],
                tuple(each["begins"]),
                frozenset(each.get("holds", ())),
                each.get("within", MESSAGE),
            )
            for each in data["groups"]
        ),
        resources=tuple(_resource(each) for each in data["resources"]),
        tables=_over_shipped(data.get("tables", {})),
        systems=_tables()["systems"],
    )


def _resource(row: Mapping[str, Any]) -> ResourceRule:
    return ResourceRule(
        name=row["name"],
        group=row["group"],
        write=row["write"],
        identity=tuple(row["identity"]),
        template=row["resource"],
        of=row.get("of", "patient"),
        needs=tuple(row.get("needs", ())),
        when=row.get("when", {}),
    )


def _over_shipped(own: Mapping[str, Any]) -> dict[str, CodeTable]:
    shipped = _tables()["tables"]
    return {
        name: CodeTable(
            codes={
                **shipped.get(name, {}).get("codes", {}),
                **own.get(name, {}).get("codes", {}),
            },
            system=own.get(name, {}).get("system", shipped.get(name, {}).get("system", "")),
        )
        for name in {**shipped, **own}
    }


def faults(data: Mapping[str, Any]) -> Iterator[_Fault]:
    """Tell what a schema cannot: names that nothing has, and places that are none."""
    groups = {MESSAGE, *(each["name"] for each in data["groups"])}
    known = {MESSAGE}
    for number, group in enumerate(data["groups"]):
        if group.get("within", MESSAGE) not in known:
            yield ("groups", number, "within"), "no group above has this name"
        known.add(group["name"])
    rows = data["resources"]
    if rows[0]["name"] != "patient":
        yield ("resources", 0, "name"), "the first is 'patient': keys of the others need it"
    tables = {*_tables()["tables"], *data.get("tables", {})}
    names = {row["name"] for row in rows}
    made: set[str] = set()
    for number, row in enumerate(rows):
        place: _Place = ("resources", number)
        if row["group"] not in groups:
            yield (*place, "group"), "no group has this name"
        if row.get("of", "patient") not in {"patient", *made}:
            yield (*place, "of"), "no resource above has this name"
        made.add(row["name"])
        yield from _rule_faults(row, place, {"in": groups, "refer": names, "table": tables})


def _rule_faults(part: Any, place: _Place, names: Mapping[str, set[str]]) -> Iterator[_Fault]:
    """Look into a template, depth first."""
    if isinstance(part, list):
        for number, each in enumerate(part):
            yield from _rule_faults(each, (*place, number), names)
    if not isinstance(part, dict):
        return
    for name, value in part.items():
        here = (*place, name)
        if isinstance(value, str) and name in names and value not in names[name]:
            yield here, f"{value!r} is not a name of this file's or a table's"
        if name == "as" and value not in (*READERS, *JOINED, "record"):
            yield here, f"{value!r} is no reader; there are {', '.join(sorted(READERS))}"
        if name in _PLACES:
            yield from _place_faults(value, here)
        yield from _rule_faults(value, here, names)


def _place_faults(value: Any, here: _Place) -> Iterator[_Fault]:
    """Find what is no place in a message; elements that `with` gives are none to begin with."""
    if here[-1] == "with" and isinstance(value, dict):
        return
    for text in [value] if isinstance(value, str) else value:
        if text != ".":
            try:
                path_of(text)
            except ValueError as error:
                yield here, str(error)
