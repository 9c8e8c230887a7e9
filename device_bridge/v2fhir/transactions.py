"""One message as a transaction, by a mapping. Pure.

Spec: https://hl7.org/fhir/R4/http.html#transaction

    write    entry                   what is there already
    update   PUT Type?identifier=    an older one is updated, a newer one stays (`fhir.precedence`)
    create   POST with ifNoneExist   stays
    find     none                    has to be there, else the message is held

Who is made or found first is known before anything is written, so that resources may refer to each
other in any direction. A resource is found by its first identifier: one that the message gives, or
a digest of source, patient and what tells it from others, as of readings (`fhir.identity`).
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fhirserver_device_bridge.association import unknown_authority
from fhirserver_device_bridge.fhir import identity
from fhirserver_device_bridge.fhir.bundle import created, updated
from fhirserver_device_bridge.fhir.json_text import JsonObject
from fhirserver_device_bridge.fhir.observation import sequence
from fhirserver_device_bridge.fhir.provenance import provenance
from fhirserver_device_bridge.moments import first_instant
from fhirserver_device_bridge.protocols.hl7v2.errors import MessageError
from fhirserver_device_bridge.protocols.hl7v2.message import Message
from fhirserver_device_bridge.protocols.hl7v2.times import parse_time
from fhirserver_device_bridge.reading import Coding, Identifier, record_number
from fhirserver_device_bridge.source import Source
from fhirserver_device_bridge.v2fhir import datatypes
from fhirserver_device_bridge.v2fhir.datatypes import Around
from fhirserver_device_bridge.v2fhir.files import Mapped, ResourceRule
from fhirserver_device_bridge.v2fhir.pieces import Piece, path_of
from fhirserver_device_bridge.v2fhir.structure import Group, structure
from fhirserver_device_bridge.v2fhir.templates import View, holds, resource

_GIVES_WAY = sequence("0001-01-01T00:00:00Z", 0)
"""What is only created is older than any message that updates it."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A message as the journal has it."""

    raw: bytes
    message: Message
    source: Source
    received: datetime
    number: int


@dataclass(frozen=True, slots=True)
class Transaction:
    """What a message comes to.

    Attributes:
        bundle: None where nothing is made.
        patients: searches that find the patients it is about.
        omitted: what is not made, with the reason.
        unmapped: codes that their table does not have.
    """

    bundle: JsonObject | None
    patients: tuple[str, ...]
    omitted: tuple[str, ...]
    unmapped: tuple[Coding, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A resource before it is written."""

    rule: ResourceRule
    group: Group
    found_by: Identifier

    @property
    def reference(self) -> str:
        """Give what others refer to it by."""
        if self.rule.write == "find":
            return self.condition
        return identity.full_url(self.found_by, self.kind)

    @property
    def kind(self) -> str:
        """Give its type."""
        return str(self.rule.template["resourceType"])

    @property
    def condition(self) -> str:
        """Give the search that finds it."""
        return f"{self.kind}?{identity.condition(self.found_by)}"


def transaction(sent: Sent, mapped: Mapped) -> Transaction:
    """Make the transaction of a message.

    Raises:
        MessageError: it cannot be read, or names no patient.
        UnknownPatientError: nobody knows yet whose it is.
    """
    around = Around(sent.source, mapped.tables, {**mapped.systems, **dict(sent.source.systems)})
    whole = structure(sent.message, mapped.groups, mapped.holds)
    plan = _Plan(mapped, around)
    plan.make(whole)
    bundle = _bundle(plan, sent, mapped)
    return Transaction(
        bundle,
        tuple(dict.fromkeys(each.condition for each in plan.made if each.rule.name == "patient")),
        tuple(plan.omitted),
        tuple(dict.fromkeys(around.unmapped)),
    )


@dataclass(slots=True)
class _Plan:
    """What is made of a message, in the order of the mapping."""

    mapped: Mapped
    around: Around
    made: list[Made] = field(default_factory=list)
    omitted: list[str] = field(default_factory=list)

    def make(self, whole: Group) -> None:
        """Find what is made, and by what each is found.

        Raises:
            MessageError: there is no patient.
        """
        for rule in self.mapped.resources:
            for group in whole.inside():
                if group.rule.name == rule.group and holds(rule.when, self.view(group)):
                    self._add(rule, group)
            if not self.made:
                raise MessageError("PID is missing: what becomes of the message is a patient's")

    def view(self, group: Group) -> View:
        """Give what a template sees of a group."""
        return View(group, self.around, self.references)

    def references(self, name: str, group: Group) -> list[str]:
        """Refer to what a rule made, the nearest to a group."""
        return [each.reference for each in self.nearest(name, group)]

    def nearest(self, name: str, group: Group) -> list[Made]:
        """Find what a rule made in a group and inside it, else around it."""
        named = [each for each in self.made if each.rule.name == name]
        for outer in group.around():
            inside = [each for each in named if outer in each.group.around()]
            if inside:
                return inside
        return []

    def _add(self, rule: ResourceRule, group: Group) -> None:
        missing = [place for place in rule.needs if not group.find(path_of(place))]
        found_by = None if missing else self._found_by(rule, group)
        if found_by is None:
            places = missing or [_shown(each) for each in rule.identity]
            kind = rule.template["resourceType"]
            self.omitted.append(f"no {kind} ({rule.name}): {' or '.join(places)} is needed")
            return
        self.made.append(Made(rule, group, self._distinct(found_by)))

    def _found_by(self, rule: ResourceRule, group: Group) -> Identifier | None:
        alternatives = (self._identity(rule, each, group) for each in rule.identity)
        return next((each for each in alternatives if each is not None), None)

    def _identity(self, rule: ResourceRule, row: Any, group: Group) -> Identifier | None:
        if "key" in row:
            return self._key(rule, row, group)
        found = group.find(path_of(row["from"]))
        if row["as"] == "EI":
            return self._entity(rule, found[0], group) if found else None
        named = [datatypes.cx_sent(piece, self.around) for piece in found]
        sent = [each for each in named if each is not None]
        if row["as"] == "record":
            known = record_number(sent)
            if known is None:
                raise unknown_authority(sent)
            return known
        return identity.business(sent[0], self.around.source.name) if sent else None

    def _entity(self, rule: ResourceRule, piece: Piece, group: Group) -> Identifier | None:
        """Take an EI; a number that nobody vouches for may come again for somebody else."""
        value, *assigner = piece.parts()[:4]
        if value and not any(assigner):
            return self._digested(rule, [value], group)
        return datatypes.ei_identifier(piece, self.around)

    def _key(self, rule: ResourceRule, row: Any, group: Group) -> Identifier | None:
        own = [_said(place, group) for place in row["key"]]
        more = [_said(place, group) for place in row.get("with", ())]
        return self._digested(rule, [*own, *more], group) if all(own) else None

    def _digested(self, rule: ResourceRule, own: Sequence[str], group: Group) -> Identifier | None:
        """Make an identifier of what tells a resource from others of its owner."""
        owners = self.nearest(rule.of, group)
        if not owners:
            return None
        owner = owners[0].found_by
        told = (self.around.source.name, rule.name, owner.system, owner.value, *own)
        kind = rule.template["resourceType"].lower()
        return Identifier(f"{identity.SYSTEM}:{kind}", identity.digest(*told))

    def _distinct(self, found_by: Identifier) -> Identifier:
        """Tell apart what a message says twice under one key, by its order."""
        taken = {each.found_by for each in self.made}
        if found_by not in taken or not found_by.system.startswith(identity.SYSTEM):
            return found_by
        again = Identifier(found_by.system, identity.digest(found_by.value, "again"))
        return self._distinct(again)


def _said(place: str, group: Group) -> str:
    """Give what stands first at a place, as one text."""
    found = group.find(path_of(place))
    return "^".join(found[0].parts()) if found else ""


def _shown(row: Any) -> str:
    return " with ".join(row["key"]) if "key" in row else str(row["from"])


def _bundle(plan: _Plan, sent: Sent, mapped: Mapped) -> JsonObject | None:
    written = list(_entries(plan, _order(sent)))
    if not written:
        return None
    told = provenance(
        [entry["fullUrl"] for entry in written],
        sent.source.name,
        hashlib.sha256(sent.raw).hexdigest(),
        sent.received,
        mapped.version,
    )
    entries = [
        *plan.around.parties.values(),
        *written,
        {"resource": told, "request": {"method": "POST", "url": "Provenance"}},
    ]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def _order(sent: Sent) -> JsonObject:
    """Tell which of two messages is newer; none was sent after it was received."""
    said = sent.message.header.component(7)
    received = sent.received.isoformat(timespec="milliseconds")
    at = parse_time(said, sent.source.zone, "MSH-7").text if said else received
    return sequence(min(at, received, key=first_instant), sent.number)


def _entries(plan: _Plan, order: JsonObject) -> Iterator[JsonObject]:
    entries: dict[str, JsonObject] = {}
    for each in plan.made:
        if each.rule.write == "find":
            continue
        written = _identified(resource(each.rule.template, plan.view(each.group)), each.found_by)
        told = order if each.rule.write == "update" else _GIVES_WAY
        written["extension"] = [*(written.get("extension") or ()), told]
        entry = (updated if each.rule.write == "update" else created)(each.found_by, written)
        entries.setdefault(each.reference, {**entry, "fullUrl": each.reference})
    yield from entries.values()


def _identified(written: JsonObject, found_by: Identifier) -> JsonObject:
    """Put the identifier by which a resource is found before its others."""
    others = list(written.get("identifier") or ())
    own = datatypes.identifier(found_by)
    for other in others:
        if (other.get("system"), other["value"]) == (found_by.system, found_by.value):
            own = other
    rest = [each for each in others if each is not own]
    kind = written.pop("resourceType")
    return {"resourceType": kind, **written, "identifier": [own, *_once(rest)]}


def _once(identifiers: list[JsonObject]) -> list[JsonObject]:
    seen: dict[tuple[Any, Any], JsonObject] = {}
    for each in identifiers:
        seen.setdefault((each.get("system"), each["value"]), each)
    return list(seen.values())
